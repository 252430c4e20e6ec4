//! The monitor's D-Bus objects over a pair of sockets, and their introspection data as documented.
//! `PREFLIGHT_BLESS=1` rewrites it.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test reads the repository, and fails by panicking"
)]

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use preflight_rke2::testing::daemon::service::{
    MANAGER, PATH, Request, Shared, UNIT, publish, serve, unit_path,
};
use preflight_rke2::testing::document::UnitDocument;
use preflight_rke2::testing::monitor::{MonitorStatus, NodeStatus, Phase, UnitStatus};
use preflight_rke2::testing::verdict::Verdict;
use tokio::sync::{mpsc, oneshot};
use zbus::connection::Builder;
use zbus::{Connection, fdo};

const SERVER: &str = "rke2-server.service";

/// Both ends of a connection, the objects on one of them.
async fn connected(shared: &Shared) -> (Connection, Connection) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let server = Builder::unix_stream(theirs)
        .server(zbus::Guid::generate())
        .p2p()
        .build();
    let client = Builder::unix_stream(ours).p2p().build();
    let (server, client) = tokio::join!(server, client);
    let server = server.unwrap();
    serve(&server, shared).await.unwrap();
    (server, client.unwrap())
}

fn status(blocked: bool) -> NodeStatus {
    let unit = UnitStatus {
        unit: SERVER.to_owned(),
        phase: Phase::Down,
        blocked_since: blocked.then_some(1),
        report: UnitDocument {
            unit: SERVER.to_owned(),
            role: "server".to_owned(),
            verdict: Verdict::WouldRefuse,
            ..UnitDocument::default()
        },
        ..UnitStatus::default()
    };
    NodeStatus {
        monitor: MonitorStatus {
            evaluated: 7,
            ..MonitorStatus::default()
        },
        units: vec![unit],
        ..NodeStatus::default()
    }
}

/// A monitor's objects over a pair of sockets, one unit among them; and its client.
struct Monitor {
    shared: Shared,
    requests: mpsc::Receiver<Request>,
    server: Connection,
    client: Connection,
}

impl Monitor {
    /// One whose unit is blocked, and of which as many requests may wait.
    async fn new(waiting: usize) -> Self {
        let (sender, requests) = mpsc::channel(waiting);
        let shared = Shared::new(sender);
        let (server, client) = connected(&shared).await;
        publish(&server, &shared, status(true)).await.unwrap();
        Self {
            shared,
            requests,
            server,
            client,
        }
    }

    async fn publish(&self, status: NodeStatus) {
        publish(&self.server, &self.shared, status).await.unwrap();
    }

    /// The next request, which must be one for an evaluation.
    async fn check(&mut self) -> oneshot::Sender<()> {
        let reply = match self.requests.recv().await {
            Some(Request::Check(reply)) => Some(reply),
            _ => None,
        };
        reply.unwrap()
    }

    async fn manager(&self) -> zbus::Proxy<'static> {
        proxy(&self.client, PATH.to_owned(), MANAGER).await
    }

    async fn unit(&self) -> zbus::Proxy<'static> {
        proxy(&self.client, unit_path(SERVER).to_string(), UNIT).await
    }
}

fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(async {
            tokio::time::timeout(Duration::from_secs(10), work)
                .await
                .unwrap()
        })
}

async fn proxy(client: &Connection, path: String, interface: &'static str) -> zbus::Proxy<'static> {
    zbus::proxy::Builder::new(client)
        .destination("org.rke2.Preflight1")
        .path(path)
        .interface(interface)
        .cache_properties(zbus::proxy::CacheProperties::No)
        .build()
        .await
        .unwrap()
}

#[test]
fn what_is_published_is_what_is_read() {
    within(async {
        let mut monitor = Monitor::new(1).await;
        let manager = monitor.manager().await;
        let report: String = manager.call("GetReport", &()).await.unwrap();
        let expected = status(true);
        let text: serde_json::Value = serde_json::from_str(&report).unwrap();
        assert_eq!(text["schema"], "org.rke2.preflight.report/1");
        let unit: UnitDocument = serde_json::from_value(text["units"][0].clone()).unwrap();
        assert_eq!(unit, expected.units[0].report);
        let text: String = manager.call("GetStatus", &()).await.unwrap();
        assert_eq!(text, expected.json());
        let evaluated: u64 = manager.get_property("LastEvaluation").await.unwrap();
        assert_eq!(evaluated, 7);
        let path: zbus::OwnedObjectPath = manager.call("GetUnit", &(SERVER)).await.unwrap();
        assert_eq!(path.as_str(), unit_path(SERVER).as_str());
        let error = manager
            .call::<_, _, zbus::OwnedObjectPath>("GetUnit", &("rke2-agent.service"))
            .await
            .unwrap_err();
        assert!(
            error
                .to_string()
                .contains("rke2-agent.service is installed"),
            "{error}"
        );

        let unit = monitor.unit().await;
        assert!(unit.get_property::<bool>("Blocked").await.unwrap());
        for (property, value) in [("Phase", "down"), ("Verdict", "would-refuse"), ("Held", "")] {
            let read: String = unit.get_property(property).await.unwrap();
            assert_eq!(read, value, "{property}");
        }
        let of_unit: String = unit.call("GetReport", &()).await.unwrap();
        assert_eq!(of_unit, report);
        monitor.publish(status(false)).await;
        assert!(!unit.get_property::<bool>("Blocked").await.unwrap());

        // A call waits for the monitor.
        let call = manager.call::<_, _, String>("Check", &());
        let answer = async { monitor.check().await.send(()).unwrap() };
        assert_eq!(tokio::join!(call, answer).0.unwrap(), report);

        // Without a bus no caller is known to be root.
        let refused = unit.call::<_, _, ()>("Resume", &()).await.unwrap_err();
        assert!(refused.to_string().contains("AccessDenied"), "{refused}");

        monitor.publish(NodeStatus::default()).await;
        assert!(
            unit.get_property::<bool>("Blocked").await.is_err(),
            "it is gone"
        );
    });
}

#[test]
fn a_status_that_is_outdated_is_evaluated_first() {
    within(async {
        let mut monitor = Monitor::new(1).await;
        let shared = monitor.shared.clone();
        let manager = monitor.manager().await;
        let newer = || {
            let mut newer = status(false);
            newer.monitor.version = "newer".to_owned();
            newer
        };
        shared.change_counter().fetch_add(1, Ordering::Relaxed);
        let call = manager.call::<_, _, String>("GetStatus", &());
        let answer = async {
            let reply = monitor.check().await;
            shared.replace(newer());
            shared.set_evaluated(shared.revision());
            reply.send(()).unwrap();
        };
        assert_eq!(tokio::join!(call, answer).0.unwrap(), newer().json());
        // Where nothing has changed since, it is returned at once.
        let text: String = manager.call("GetStatus", &()).await.unwrap();
        assert_eq!(text, newer().json());
        // Where the monitor is ending, the last one is returned.
        drop(monitor.requests);
        shared.change_counter().fetch_add(1, Ordering::Relaxed);
        let text: String = manager.call("GetStatus", &()).await.unwrap();
        assert_eq!(text, newer().json());
    });
}

#[test]
fn the_number_of_waiting_callers_is_limited() {
    within(async {
        // Requests are taken at once, as the monitor does, and answered late.
        let mut monitor = Monitor::new(4).await;
        let manager = monitor.manager().await;
        let mut waiting = Vec::new();
        for _ in 0..64 {
            let manager = manager.clone();
            let call =
                tokio::spawn(async move { manager.call::<_, _, String>("Check", &()).await });
            waiting.push((call, monitor.check().await));
        }
        let error = manager
            .call::<_, _, String>("Check", &())
            .await
            .unwrap_err();
        assert!(error.to_string().contains("LimitsExceeded"), "{error}");
        for (call, reply) in waiting {
            reply.send(()).unwrap();
            assert!(call.await.unwrap().is_ok());
        }
    });
}

#[test]
fn calls_to_a_monitor_that_ends_are_answered() {
    within(async {
        let monitor = Monitor::new(1).await;
        let manager = monitor.manager().await;
        drop(monitor.requests);
        let error = manager
            .call::<_, _, String>("Check", &())
            .await
            .unwrap_err();
        assert!(
            error.to_string().contains("the monitor is ending"),
            "{error}"
        );
    });
}

#[test]
fn the_documented_interfaces_are_those_that_are_there() {
    within(async {
        let monitor = Monitor::new(1).await;
        for (path, interface) in [
            (PATH.to_owned(), MANAGER),
            (unit_path(SERVER).to_string(), UNIT),
        ] {
            let introspectable = fdo::IntrospectableProxy::builder(&monitor.client)
                .destination("org.rke2.Preflight1")
                .path(path)
                .build()
                .await
                .unwrap();
            let xml = introspectable.introspect().await.unwrap();
            let start = format!("  <interface name=\"{interface}\">");
            let (_, rest) = xml.split_once(&start).unwrap();
            let (body, _) = rest.split_once("</interface>\n").unwrap();
            let shown = format!("<node>\n{start}{body}</interface>\n</node>\n");
            let file =
                Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/dbus/{interface}.xml"));
            if std::env::var_os("PREFLIGHT_BLESS").is_some() {
                std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                std::fs::write(&file, &shown).unwrap();
            }
            let documented = std::fs::read_to_string(&file).unwrap_or_default();
            assert_eq!(documented, shown, "{}", file.display());
            // The reference has each method and property too.
            let reference = std::fs::read_to_string(
                Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference.md"),
            )
            .unwrap();
            for word in shown.split("name=\"").skip(2) {
                let name = word.split('"').next().unwrap_or_default();
                let is_member =
                    name.chars().next().is_some_and(char::is_uppercase) && !name.contains('.');
                assert!(
                    !is_member || reference.contains(&format!("`{name}")),
                    "docs/reference.md lacks {name}"
                );
            }
        }
    });
}
