//! Against a systemd made up for the purpose, over a pair of sockets.
#![expect(clippy::unused_self, reason = "D-Bus properties are methods")]

use super::*;
use std::os::unix::net::UnixStream;
use zbus::connection::Builder;
use zbus::{ObjectPath, interface};

const JOB_PATH: &str = "/org/freedesktop/systemd1/job/7";
const UNIT_PATH: &str = "/org/freedesktop/systemd1/unit/rke2_2dserver_2eservice";

/// How the simulated systemd answers a query about a unit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    Answers,
    KnowsNoUnit,
    NotFound,
    Refuses,
    NeverAnswers,
    HangsUp,
    OldVersion,
    Nonsense,
}

#[derive(Debug, zbus::DBusError)]
#[zbus(prefix = "org.freedesktop.systemd1")]
enum SystemdError {
    #[zbus(error)]
    ZBus(zbus::Error),
    NoSuchUnit(String),
    AlreadySubscribed(String),
}

struct FakeManager(Mood);

impl FakeManager {
    /// How it answers any query.
    async fn minds(&self, connection: &Connection) -> fdo::Result<()> {
        match self.0 {
            Mood::Refuses => {
                return Err(fdo::Error::AccessDenied(
                    "SELinux policy denies access".into(),
                ));
            }
            Mood::NeverAnswers => std::future::pending::<()>().await,
            Mood::HangsUp => {
                let _ = connection.clone().close().await;
                std::future::pending::<()>().await;
            }
            _ => {}
        }
        Ok(())
    }
}

#[interface(name = "org.freedesktop.systemd1.Manager")]
impl FakeManager {
    async fn start_unit(
        &self,
        name: &str,
        mode: &str,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<ObjectPath<'static>, zbus::BoxDBusError> {
        assert_eq!((name, mode), ("rke2-server.service", "replace"));
        if self.0 == Mood::KnowsNoUnit {
            return Err(Box::new(SystemdError::NoSuchUnit(format!(
                "Unit {name} not loaded."
            ))));
        }
        self.minds(connection)
            .await
            .map_err(|error| -> zbus::BoxDBusError { Box::new(error) })?;
        Ok(ObjectPath::from_static_str_unchecked(JOB_PATH))
    }

    async fn stop_unit(
        &self,
        name: &str,
        mode: &str,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<ObjectPath<'static>, zbus::BoxDBusError> {
        self.start_unit(name, mode, connection).await
    }

    fn subscribe(&self) -> Result<(), zbus::BoxDBusError> {
        match self.0 {
            Mood::Refuses => Err(Box::new(fdo::Error::AccessDenied("no".into()))),
            Mood::OldVersion => Err(Box::new(SystemdError::AlreadySubscribed(
                "Client is already subscribed.".into(),
            ))),
            _ => Ok(()),
        }
    }

    #[zbus(signal)]
    async fn job_removed(
        emitter: &zbus::object_server::SignalEmitter<'_>,
        id: u32,
        job: ObjectPath<'_>,
        unit: &str,
        result: &str,
    ) -> zbus::Result<()>;

    #[zbus(property)]
    async fn environment(
        &self,
        #[zbus(connection)] connection: &Connection,
    ) -> fdo::Result<Vec<String>> {
        self.minds(connection).await?;
        Ok(vec!["PATH=/usr/bin".to_owned(), "LANG=C.UTF-8".to_owned()])
    }

    #[zbus(property)]
    fn version(&self) -> String {
        "252.39-1~deb12u2".to_owned()
    }
}

struct FakeUnit(Mood);

#[interface(name = "org.freedesktop.systemd1.Unit")]
impl FakeUnit {
    #[zbus(property)]
    fn id(&self) -> &'static str {
        "rke2-server.service"
    }
    #[zbus(property)]
    fn names(&self) -> Vec<String> {
        vec![self.id().to_owned()]
    }
    #[zbus(property)]
    fn load_state(&self) -> &'static str {
        if self.0 == Mood::NotFound {
            "not-found"
        } else {
            "loaded"
        }
    }
    #[zbus(property)]
    fn active_enter_timestamp_monotonic(&self) -> u64 {
        17
    }
    #[zbus(property)]
    fn active_state(&self) -> &'static str {
        "inactive"
    }
    #[zbus(property)]
    fn sub_state(&self) -> &'static str {
        "dead"
    }
    #[zbus(property)]
    fn unit_file_state(&self) -> &'static str {
        "enabled"
    }
    #[zbus(property)]
    fn fragment_path(&self) -> &'static str {
        "/usr/local/lib/systemd/system/rke2-server.service"
    }
    #[zbus(property)]
    fn drop_in_paths(&self) -> Vec<String> {
        vec!["/etc/systemd/system/rke2-server.service.d/a.conf".to_owned()]
    }
    #[zbus(property)]
    fn need_daemon_reload(&self) -> bool {
        true
    }
    #[zbus(property)]
    fn job(&self) -> (u32, ObjectPath<'static>) {
        (
            7,
            ObjectPath::from_static_str_unchecked("/org/freedesktop/systemd1/job/7"),
        )
    }
}

/// What every version has.
struct FakeService;

#[interface(name = "org.freedesktop.systemd1.Service")]
impl FakeService {
    #[zbus(property)]
    fn exec_start(&self) -> Vec<Exec<bool>> {
        let argv = ["/usr/local/bin/rke2", "server"]
            .map(str::to_owned)
            .to_vec();
        vec![(
            "/usr/local/bin/rke2".to_owned(),
            argv,
            true,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
        )]
    }
    #[zbus(property)]
    fn environment(&self) -> Vec<String> {
        vec!["A=b c".to_owned()]
    }
    #[zbus(property)]
    fn environment_files(&self) -> Vec<(String, bool)> {
        vec![("/etc/default/rke2-server".to_owned(), true)]
    }
    #[zbus(property, name = "MainPID")]
    fn main_pid(&self) -> u32 {
        42
    }
    #[zbus(property)]
    fn result(&self) -> &'static str {
        "success"
    }
}

struct NewService(Mood);

#[interface(name = "org.freedesktop.systemd1.Service")]
impl NewService {
    #[zbus(property)]
    fn exec_start_ex(&self) -> Vec<Exec<Vec<String>>> {
        let argv = ["rke2", "server", "$OPTS"].map(str::to_owned).to_vec();
        let flags = ["ignore-failure", "no-env-expand"]
            .map(str::to_owned)
            .to_vec();
        vec![(
            "/usr/local/bin/rke2".to_owned(),
            argv,
            flags,
            1,
            2,
            3,
            4,
            5,
            6,
            7,
        )]
    }
    #[zbus(property, name = "Type")]
    fn kind(&self) -> &'static str {
        "exec"
    }
    /// Not read where the newer property is there.
    #[zbus(property)]
    fn exec_start_pre(&self) -> Vec<Exec<bool>> {
        Vec::new()
    }
    #[zbus(property)]
    fn exec_start_pre_ex(&self) -> Vec<Exec<Vec<String>>> {
        let argv = ["/sbin/prep", "now"].map(str::to_owned).to_vec();
        vec![(
            "/sbin/prep".to_owned(),
            argv,
            Vec::new(),
            0,
            0,
            0,
            0,
            0,
            0,
            0,
        )]
    }
    #[zbus(property)]
    fn exec_start_post(&self) -> Vec<Exec<bool>> {
        let argv = vec!["/sbin/post".to_owned()];
        vec![("/sbin/post".to_owned(), argv, true, 0, 0, 0, 0, 0, 0, 0)]
    }
    #[zbus(property)]
    fn exec_search_path(&self) -> Vec<String> {
        vec!["/opt/bin".to_owned()]
    }
    #[zbus(property)]
    fn working_directory(&self) -> &'static str {
        "!/srv"
    }
    #[zbus(property)]
    fn bind_paths(&self) -> Vec<(String, String, bool, u64)> {
        vec![("/a".to_owned(), "/b".to_owned(), true, 0)]
    }
    #[zbus(property)]
    fn inaccessible_paths(&self) -> Vec<String> {
        vec!["-+/c".to_owned()]
    }
    #[zbus(property)]
    fn private_tmp(&self) -> bool {
        true
    }
    #[zbus(property)]
    fn private_users(&self) -> bool {
        false
    }
    #[zbus(property)]
    fn protect_home(&self) -> &'static str {
        "read-only"
    }
    #[zbus(property)]
    fn root_directory(&self) -> &'static str {
        "/srv/root"
    }
    #[zbus(property)]
    fn user(&self) -> &'static str {
        ""
    }
    #[zbus(property)]
    fn environment(&self) -> Vec<String> {
        FakeService.environment()
    }
    #[zbus(property)]
    fn environment_files(&self) -> Vec<(String, bool)> {
        FakeService.environment_files()
    }
    #[zbus(property)]
    fn unset_environment(&self) -> Vec<String> {
        vec!["C".to_owned()]
    }
    #[zbus(property)]
    fn pass_environment(&self) -> Vec<String> {
        vec!["D".to_owned()]
    }
    #[zbus(property, name = "MainPID")]
    fn main_pid(&self) -> u32 {
        42
    }
    #[zbus(property, name = "NRestarts")]
    fn restarts(&self) -> u32 {
        3
    }
    #[zbus(property)]
    fn exec_main_start_timestamp(&self) -> u64 {
        19
    }
    #[zbus(property)]
    fn result(&self) -> fdo::Result<OwnedVariant> {
        let value = match self.0 {
            Mood::Nonsense => Variant::from(1_u32),
            _ => Variant::from("exit-code"),
        };
        value
            .try_to_owned()
            .map_err(|error| fdo::Error::Failed(error.to_string()))
    }
}

/// Asks a systemd of that mood.
fn queried(mood: Mood) -> Result<LiveUnit, BusError> {
    with(mood, async |client, _| {
        query(&client, "rke2-server.service").await
    })
}

/// Does something with a systemd of that mood, whose end of the connection comes second.
fn with<T>(
    mood: Mood,
    work: impl AsyncFnOnce(Connection, Connection) -> Result<T, BusError>,
) -> Result<T, BusError> {
    let (ours, theirs) = UnixStream::pair().unwrap();
    run(Duration::from_millis(500), async move {
        let server = Builder::unix_stream(theirs)
            .server(zbus::Guid::generate())
            .p2p()
            .serve_at("/org/freedesktop/systemd1", FakeManager(mood));
        let server = match mood {
            // No object: that is how it answers for what it cannot load.
            Mood::KnowsNoUnit => server,
            Mood::OldVersion => server
                .serve_at(UNIT_PATH, FakeUnit(mood))
                .serve_at(UNIT_PATH, FakeService),
            _ => server
                .serve_at(UNIT_PATH, FakeUnit(mood))
                .serve_at(UNIT_PATH, NewService(mood)),
        };
        let server = tokio::spawn(async move { server.build().await.unwrap() });
        let client = Builder::unix_stream(ours).p2p().build().await.unwrap();
        work(client, server.await.unwrap()).await
    })
}

#[test]
fn a_unit_is_started_and_stopped() {
    let unit = "rke2-server.service";
    let job = with(Mood::Answers, async |client, _server| {
        manage::start(&client, unit).await
    });
    assert_eq!(job.unwrap(), JOB_PATH);
    let job = with(Mood::Answers, async |client, _server| {
        manage::stop(&client, unit).await
    });
    assert_eq!(job.unwrap(), JOB_PATH);
    let failed = |mood| {
        with(mood, async |client, _server| {
            manage::start(&client, unit).await
        })
        .unwrap_err()
    };
    let unit = unit.to_owned();
    assert_eq!(failed(Mood::KnowsNoUnit), BusError::NotFound { unit });
    assert!(matches!(failed(Mood::Refuses), BusError::Denied { .. }));
    assert!(matches!(
        failed(Mood::HangsUp),
        BusError::Disconnected { .. }
    ));
    assert!(matches!(
        failed(Mood::NeverAnswers),
        BusError::TimedOut { .. }
    ));
}

#[test]
fn what_systemd_tells_is_passed_on_until_it_hangs_up() {
    use manage::SystemdSignal;
    let heard = with(Mood::Answers, async |client, server| {
        let signals = std::sync::Arc::new(manage::SignalQueue::new(std::sync::Arc::default()));
        let to = std::sync::Arc::clone(&signals);
        manage::listen(&client, &["rke2-server.service"], to).await?;
        drop(client);
        let emitter =
            zbus::object_server::SignalEmitter::new(&server, "/org/freedesktop/systemd1").unwrap();
        let job = ObjectPath::from_static_str_unchecked(JOB_PATH);
        FakeManager::job_removed(&emitter, 7, job, "rke2-server.service", "dependency")
            .await
            .unwrap();
        let first = signals.next().await;
        server.close().await.unwrap();
        Ok(([first, signals.next().await], signals.try_next()))
    });
    let removed = SystemdSignal::JobRemoved {
        job: JOB_PATH.to_owned(),
        unit: "rke2-server.service".to_owned(),
        result: "dependency".to_owned(),
    };
    assert_eq!(
        heard.unwrap(),
        ([removed, SystemdSignal::Disconnected], None)
    );
}

#[test]
fn an_existing_subscription_is_kept_and_a_refusal_is_an_error() {
    let subscribed = |mood| {
        with(mood, async |client, _server| {
            manage::subscribe(&client).await
        })
    };
    assert_eq!(subscribed(Mood::Answers), Ok(()));
    assert_eq!(subscribed(Mood::OldVersion), Ok(()));
    assert!(matches!(
        subscribed(Mood::Refuses),
        Err(BusError::Denied { .. })
    ));
}

#[test]
fn a_unit_is_read_whole() {
    let unit = queried(Mood::Answers).unwrap();
    let expected = LiveUnit {
        id: "rke2-server.service".to_owned(),
        names: vec!["rke2-server.service".to_owned()],
        load_state: "loaded".to_owned(),
        active_state: "inactive".to_owned(),
        sub_state: "dead".to_owned(),
        unit_file_state: "enabled".to_owned(),
        fragment_path: "/usr/local/lib/systemd/system/rke2-server.service".to_owned(),
        drop_in_paths: vec!["/etc/systemd/system/rke2-server.service.d/a.conf".to_owned()],
        need_daemon_reload: true,
        job: 7,
        exec_start: vec![LiveCommand {
            path: "/usr/local/bin/rke2".to_owned(),
            argv: ["rke2", "server", "$OPTS"].map(str::to_owned).to_vec(),
            ignore_failure: true,
            no_env_expand: true,
            via_shell: false,
        }],
        auxiliary: vec![
            (
                "ExecStartPre",
                LiveCommand {
                    path: "/sbin/prep".to_owned(),
                    argv: ["/sbin/prep", "now"].map(str::to_owned).to_vec(),
                    ..LiveCommand::default()
                },
            ),
            (
                "ExecStartPost",
                LiveCommand {
                    path: "/sbin/post".to_owned(),
                    argv: vec!["/sbin/post".to_owned()],
                    ignore_failure: true,
                    ..LiveCommand::default()
                },
            ),
        ],
        search_path: vec!["/opt/bin".to_owned()],
        working_directory: "!/srv".to_owned(),
        influences: vec![
            ("BindPaths", Extent::Paths(vec!["/b".to_owned()])),
            ("InaccessiblePaths", Extent::Paths(vec!["/c".to_owned()])),
            (
                "PrivateTmp",
                Extent::Paths(vec!["/tmp".to_owned(), "/var/tmp".to_owned()]),
            ),
            ("RootDirectory", Extent::All),
        ],
        unreported: unit.unreported.clone(),
        environment: vec!["A=b c".to_owned()],
        environment_files: vec![("/etc/default/rke2-server".to_owned(), true)],
        unset_environment: vec!["C".to_owned()],
        pass_environment: vec!["D".to_owned()],
        main_pid: 42,
        restarts: 3,
        entered_active: 17,
        main_started_at: 19,
        result: "exit-code".to_owned(),
        manager_environment: vec!["PATH=/usr/bin".to_owned(), "LANG=C.UTF-8".to_owned()],
        systemd_version: "252.39-1~deb12u2".to_owned(),
    };
    assert_eq!(unit, expected);
    assert!(!unit.unreported.contains(&"PrivateUsers"));
    assert_eq!(unit.systemd_major(), Some(252));
}

#[test]
fn an_old_systemd_tells_less() {
    let unit = queried(Mood::OldVersion).unwrap();
    assert_eq!(unit.exec_start[0].argv, ["/usr/local/bin/rke2", "server"]);
    assert!(unit.exec_start[0].ignore_failure && !unit.exec_start[0].no_env_expand);
    assert_eq!((unit.restarts, unit.unset_environment.len()), (0, 0));
    assert!(unit.auxiliary.is_empty() && unit.influences.is_empty());
    assert_eq!(unit.unreported.len(), directive::untracked().count());
}

#[test]
fn a_unit_that_is_not_there() {
    for mood in [Mood::KnowsNoUnit, Mood::NotFound] {
        let error = queried(mood).unwrap_err();
        assert_eq!(
            error,
            BusError::NotFound {
                unit: "rke2-server.service".to_owned()
            }
        );
        assert!(error.to_string().contains("daemon-reload"), "{error}");
    }
}

#[test]
fn a_refusal_names_who_refused() {
    assert_eq!(
        queried(Mood::Refuses).unwrap_err().to_string(),
        "not allowed to ask systemd over D-Bus: SELinux policy denies access; run as root"
    );
}

#[test]
fn no_answer_ends_with_the_deadline() {
    let after = Duration::from_millis(500);
    assert_eq!(
        queried(Mood::NeverAnswers),
        Err(BusError::TimedOut { after })
    );
    let none = run(Duration::ZERO, std::future::pending::<Result<(), _>>());
    assert_eq!(
        none.unwrap_err().to_string(),
        "systemd did not answer over D-Bus within 0 ms"
    );
}

#[test]
fn a_broken_connection_is_reported_at_once() {
    let error = queried(Mood::HangsUp).unwrap_err();
    assert!(matches!(error, BusError::Disconnected { .. }), "{error:?}");
}

#[test]
fn an_answer_of_another_type_is_no_answer() {
    let error = queried(Mood::Nonsense).unwrap_err();
    assert_eq!(
        error.to_string(),
        "systemd could not be asked over D-Bus: the property Result in systemd's answer is of another type"
    );
}

#[test]
fn without_a_bus_the_words_say_so() {
    let result: Result<(), _> = run(Duration::from_secs(5), async {
        Builder::address("unix:path=/nonexistent/bus")
            .build()
            .await
            .map(drop)
            .map_err(|error| of_bus(error, SYSTEMD))
    });
    let error = result.unwrap_err();
    assert!(matches!(error, BusError::NoBus { .. }), "{error:?}");
    assert!(error.to_string().contains("dbus.socket"), "{error}");
}
