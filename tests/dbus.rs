//! The monitor's D-Bus objects over a pair of sockets, and their introspection data as documented.
//! `PREFLIGHT_BLESS=1` writes it anew.
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
    MANAGER, PATH, Request, Shared, UNIT, UnitView, View, publish, serve, unit_path,
};
use tokio::sync::mpsc;
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

fn view(blocked: bool) -> View {
    let unit = UnitView {
        name: SERVER.to_owned(),
        role: "server".to_owned(),
        verdict: "would-refuse".to_owned(),
        blocked,
        blocked_since: u64::from(blocked),
        report: "{}\n".to_owned(),
        ..UnitView::default()
    };
    View {
        evaluated: 7,
        units: [(SERVER.to_owned(), unit)].into(),
        report: "the report".to_owned(),
        status: "the status".to_owned(),
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
        let (commands, mut asked) = mpsc::channel(1);
        let shared = Shared::new(commands);
        let (server, client) = connected(&shared).await;
        publish(&server, &shared, view(true)).await.unwrap();

        let manager = proxy(&client, PATH.to_owned(), MANAGER).await;
        let report: String = manager.call("GetReport", &()).await.unwrap();
        assert_eq!(report, "the report");
        let status: String = manager.call("GetStatus", &()).await.unwrap();
        assert_eq!(status, "the status");
        assert_eq!(
            manager.get_property::<u64>("LastEvaluation").await.unwrap(),
            7
        );
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

        let unit = proxy(&client, unit_path(SERVER).to_string(), UNIT).await;
        assert!(unit.get_property::<bool>("Blocked").await.unwrap());
        publish(&server, &shared, view(false)).await.unwrap();
        assert!(!unit.get_property::<bool>("Blocked").await.unwrap());

        // A question waits for the monitor; one more than it can keep is turned away.
        let first = manager.call::<_, _, String>("Check", &());
        let answered = async {
            let Some(Request::Check(reply)) = asked.recv().await else {
                panic!("another question");
            };
            reply.send(()).unwrap();
        };
        assert_eq!(tokio::join!(first, answered).0.unwrap(), "the report");

        // Without a bus nobody can be known for root.
        let refused = unit.call::<_, _, ()>("Resume", &()).await.unwrap_err();
        assert!(refused.to_string().contains("AccessDenied"), "{refused}");

        publish(&server, &shared, View::default()).await.unwrap();
        assert!(
            unit.get_property::<bool>("Blocked").await.is_err(),
            "it is gone"
        );
    });
}

#[test]
fn the_status_is_asked_of_a_look_that_knows_what_was_told() {
    within(async {
        let (commands, mut asked) = mpsc::channel(1);
        let shared = Shared::new(commands);
        let (server, client) = connected(&shared).await;
        publish(&server, &shared, view(true)).await.unwrap();
        let manager = proxy(&client, PATH.to_owned(), MANAGER).await;
        shared.change_counter().fetch_add(1, Ordering::Relaxed);
        let status = manager.call::<_, _, String>("GetStatus", &());
        let looked = async {
            let Some(Request::Check(reply)) = asked.recv().await else {
                panic!("another question");
            };
            let mut newer = view(false);
            newer.status = "newer".to_owned();
            shared.replace(newer);
            shared.set_evaluated(shared.revision());
            reply.send(()).unwrap();
        };
        assert_eq!(tokio::join!(status, looked).0.unwrap(), "newer");
        // And of nobody where nothing was told.
        let status: String = manager.call("GetStatus", &()).await.unwrap();
        assert_eq!(status, "newer");
        // Where nobody looks any more, what is known is told.
        drop(asked);
        shared.change_counter().fetch_add(1, Ordering::Relaxed);
        let status: String = manager.call("GetStatus", &()).await.unwrap();
        assert_eq!(status, "newer");
    });
}

#[test]
fn no_more_than_so_many_wait_for_a_look() {
    within(async {
        // Commands are taken at once, as the monitor does, and answered late.
        let (commands, mut asked) = mpsc::channel(4);
        let shared = Shared::new(commands);
        let (_server, client) = connected(&shared).await;
        let manager = proxy(&client, PATH.to_owned(), MANAGER).await;
        let mut waiting = Vec::new();
        for _ in 0..64 {
            let manager = manager.clone();
            let call =
                tokio::spawn(async move { manager.call::<_, _, String>("Check", &()).await });
            let Some(Request::Check(reply)) = asked.recv().await else {
                panic!("another question");
            };
            waiting.push((call, reply));
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
fn questions_to_a_monitor_that_ends_are_answered() {
    within(async {
        let (commands, asked) = mpsc::channel(1);
        let shared = Shared::new(commands);
        let (_server, client) = connected(&shared).await;
        drop(asked);
        let manager = proxy(&client, PATH.to_owned(), MANAGER).await;
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
        let (commands, _asked) = mpsc::channel(1);
        let shared = Shared::new(commands);
        let (server, client) = connected(&shared).await;
        publish(&server, &shared, view(true)).await.unwrap();
        for (path, interface) in [
            (PATH.to_owned(), MANAGER),
            (unit_path(SERVER).to_string(), UNIT),
        ] {
            let introspectable = fdo::IntrospectableProxy::builder(&client)
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
            // Each method and property stands in the reference too.
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
