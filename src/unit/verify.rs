//! What systemd checks of a service after it has read all files.
//!
//! Follows `service_verify` and `service_add_extras` of src/core/service.c, systemd 247 to 257.

use super::UnitProblemKind;

/// The settings of a service that are checked together.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a setting of its own, and no state"
)]
pub(super) struct Service {
    kind: Option<ServiceType>,
    /// `Restart=always` or `on-success`.
    restarts_after_success: bool,
    remains_after_exit: bool,
    has_bus_name: bool,
    /// Whether `ExecStop=` has a command.
    pub(super) stops: bool,
    has_success_action: bool,
}

/// `Type=`, as far as the checks distinguish it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ServiceType {
    Oneshot,
    Dbus,
    /// `simple`, `exec` or `idle`: the service counts as started when its program runs.
    AtOnce,
    Other,
}

impl Service {
    /// Applies an assignment. As in systemd, an invalid value is ignored and the previous one stays.
    pub(super) fn assign(&mut self, section: &str, key: &str, value: &str) {
        match (section, key) {
            ("Service", "Type") => {
                self.kind = match value {
                    "oneshot" => Some(ServiceType::Oneshot),
                    "dbus" => Some(ServiceType::Dbus),
                    "simple" | "exec" | "idle" => Some(ServiceType::AtOnce),
                    "forking" | "notify" | "notify-reload" => Some(ServiceType::Other),
                    _ => return,
                };
            }
            ("Service", "Restart") => {
                self.restarts_after_success = match value {
                    "always" | "on-success" => true,
                    "no" | "on-failure" | "on-abnormal" | "on-watchdog" | "on-abort" => false,
                    _ => return,
                };
            }
            ("Service", "RemainAfterExit") => {
                self.remains_after_exit = boolean(value).unwrap_or(self.remains_after_exit);
            }
            ("Service", "BusName") => self.has_bus_name = !value.is_empty(),
            ("Unit", "SuccessAction") => {
                self.has_success_action = match value {
                    "none" => false,
                    "reboot" | "reboot-force" | "reboot-immediate" | "poweroff"
                    | "poweroff-force" | "poweroff-immediate" | "exit" | "exit-force" => true,
                    _ => return,
                };
            }
            _ => {}
        }
    }

    /// `Type=`, or the default for the other settings.
    fn kind(&self, commands: usize) -> ServiceType {
        self.kind.unwrap_or(match commands {
            _ if self.has_bus_name => ServiceType::Dbus,
            0 => ServiceType::Oneshot,
            _ => ServiceType::AtOnce,
        })
    }

    /// Whether a service with this number of commands in `ExecStart=` counts as started when its program
    /// runs.
    pub(super) fn starts_at_once(&self, commands: usize) -> bool {
        self.kind(commands) == ServiceType::AtOnce
    }

    /// Why systemd refuses a service with this number of commands in `ExecStart=`.
    pub(super) fn refused(&self, commands: usize) -> Option<UnitProblemKind> {
        let kind = self.kind(commands);
        let oneshot = kind == ServiceType::Oneshot;
        let may_be_without =
            oneshot && (self.has_success_action || (self.stops && self.remains_after_exit));
        if commands == 0 && !may_be_without {
            Some(UnitProblemKind::NoCommand)
        } else if commands > 1 && !oneshot {
            Some(UnitProblemKind::ManyCommands)
        } else if oneshot && self.restarts_after_success {
            Some(UnitProblemKind::OneshotRestarts)
        } else if kind == ServiceType::Dbus && !self.has_bus_name {
            Some(UnitProblemKind::NoBusName)
        } else {
            None
        }
    }
}

/// A boolean in systemd's spellings.
fn boolean(text: &str) -> Option<bool> {
    let is = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is(&["1", "yes", "y", "true", "t", "on"]) {
        Some(true)
    } else if is(&["0", "no", "n", "false", "f", "off"]) {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(settings: &[(&str, &str, &str)], commands: usize, stops: bool) -> String {
        let mut service = Service::default();
        for (section, key, value) in settings {
            service.assign(section, key, value);
        }
        service.stops = stops;
        service
            .refused(commands)
            .map_or_else(String::new, |kind| kind.to_string())
    }

    const ONESHOT: (&str, &str, &str) = ("Service", "Type", "oneshot");
    const REMAINS: (&str, &str, &str) = ("Service", "RemainAfterExit", "Yes");
    const ACTION: (&str, &str, &str) = ("Unit", "SuccessAction", "reboot");

    #[test]
    fn a_service_needs_something_to_do() {
        let none = "no ExecStart= is left";
        assert!(refused(&[], 0, false).starts_with(none));
        assert!(refused(&[ONESHOT], 0, false).starts_with(none));
        assert!(refused(&[ONESHOT, REMAINS], 0, false).starts_with(none));
        assert!(refused(&[ONESHOT], 0, true).starts_with(none));
        assert_eq!(refused(&[ONESHOT, REMAINS], 0, true), "");
        assert_eq!(refused(&[REMAINS], 0, true), "", "it is then of that type");
        assert_eq!(refused(&[ACTION], 0, false), "");
        let simple = ("Service", "Type", "simple");
        assert!(refused(&[simple, ACTION], 0, false).starts_with(none));
        let undone = [ACTION, ("Unit", "SuccessAction", "none")];
        assert!(refused(&undone, 0, false).starts_with(none));
        let undone = [REMAINS, ("Service", "RemainAfterExit", "0")];
        assert!(refused(&undone, 0, true).starts_with(none));
    }

    #[test]
    fn only_oneshot_may_have_many_commands_but_not_restart_after_success() {
        assert_eq!(refused(&[ONESHOT], 3, false), "");
        assert!(refused(&[], 2, false).starts_with("a second ExecStart="));
        for (value, refuses) in [
            ("always", true),
            ("on-success", true),
            ("on-failure", false),
            ("no", false),
        ] {
            let text = refused(&[ONESHOT, ("Service", "Restart", value)], 1, false);
            assert_eq!(text.starts_with("Restart="), refuses, "{value}: {text}");
        }
        assert_eq!(refused(&[("Service", "Restart", "always")], 1, false), "");
    }

    #[test]
    fn one_of_the_bus_needs_a_name() {
        let dbus = ("Service", "Type", "dbus");
        let name = ("Service", "BusName", "a.b");
        assert!(refused(&[dbus], 1, false).starts_with("Type=dbus"));
        assert_eq!(refused(&[dbus, name], 1, false), "");
        assert!(refused(&[name], 2, false).starts_with("a second"));
    }

    #[test]
    fn invalid_values_are_ignored() {
        let odd = |key| ("Service", key, "odd");
        let restarts = ("Service", "Restart", "always");
        let settings = [ONESHOT, odd("Type"), restarts, odd("Restart")];
        assert!(refused(&settings, 1, false).starts_with("Restart="));
        let settings = [REMAINS, odd("RemainAfterExit")];
        assert_eq!(refused(&settings, 0, true), "");
        let settings = [ACTION, ("Unit", "SuccessAction", "odd")];
        assert_eq!(refused(&settings, 0, false), "");
    }
}
