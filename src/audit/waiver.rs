//! Accepted failures of controls: with a reason, and until a date.

use std::fmt;

use serde::Deserialize;

use super::benchmark::Benchmark;
use super::{Audited, ControlOutcome, controls};

/// A day of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day {
    year: u16,
    month: u8,
    of_month: u8,
}

impl Day {
    /// Reads `2027-01-31`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let mut number = |digits: usize| {
            let part = parts.next()?;
            let plain = part.len() == digits && part.bytes().all(|b| b.is_ascii_digit());
            plain.then(|| part.parse::<u16>().ok()).flatten()
        };
        let (year, month, day) = (number(4)?, number(2)?, number(2)?);
        parts.next().is_none().then_some(())?;
        let month = u8::try_from(month).ok()?;
        let day = u8::try_from(day).ok()?;
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month {
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            1..=12 => 31,
            _ => return None,
        };
        (1..=days).contains(&day).then_some(Self {
            year,
            month,
            of_month: day,
        })
    }

    /// The day, in UTC, so many seconds after 1970 began.
    pub fn of_epoch(seconds: u64) -> Self {
        // Days to a date of the proleptic Gregorian calendar, from a March-based year: 400 years are
        // 146097 days (Howard Hinnant, "chrono-compatible low-level date algorithms").
        let days = (seconds / 86400).saturating_add(719_468);
        let (era, day) = (days / 146_097, days % 146_097);
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let of_month = day - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = year + era * 400 + u64::from(month <= 2);
        Self {
            year: u16::try_from(year).unwrap_or(u16::MAX),
            month: u8::try_from(month).unwrap_or(12),
            of_month: u8::try_from(of_month).unwrap_or(31),
        }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.of_month)
    }
}

/// That a control may go unmet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// The control, by key or by number.
    pub control: String,
    /// Why.
    pub reason: String,
    /// The last day it holds.
    pub expires: Day,
}

/// A table `[[audit.waiver]]` of a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WaiverTable {
    control: String,
    reason: String,
    expires: String,
}

impl WaiverTable {
    /// The waiver, or what is wrong with it. `unknown` says why a control is not known; `None` of one that is.
    ///
    /// # Errors
    ///
    /// A sentence that names the control, and what to write.
    pub fn checked(self, unknown: impl FnOnce(&str) -> Option<String>) -> Result<Waiver, String> {
        let shown = self.control.escape_debug();
        if let Some(why) = unknown(&self.control) {
            return Err(why);
        }
        if self.reason.trim().is_empty() {
            return Err(format!("the waiver of {shown} needs a reason"));
        }
        let Some(expires) = Day::parse(&self.expires) else {
            let expires = self.expires.escape_debug();
            return Err(format!(
                "\"{expires}\" is not a date; write the expiry of the waiver of {shown} like \"2027-01-31\""
            ));
        };
        Ok(Waiver {
            control: self.control,
            reason: self.reason,
            expires,
        })
    }
}

/// A waiver and whether it still holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Which.
    pub waiver: Waiver,
    /// Whether its last day is over.
    pub expired: bool,
}

impl Applied {
    /// The waiver for a control, one by key before one by number.
    pub fn find(waivers: &[Waiver], key: &str, id: &str, today: Day) -> Option<Self> {
        let by = |name: &str| waivers.iter().rev().find(|waiver| waiver.control == name);
        by(key).or_else(|| by(id)).map(|waiver| Self {
            waiver: waiver.clone(),
            expired: waiver.expires < today,
        })
    }

    /// Whether it accepts that a control has this outcome.
    pub fn accepts(&self, outcome: ControlOutcome) -> bool {
        !self.expired && matches!(outcome, ControlOutcome::Fail | ControlOutcome::Warn)
    }

    /// Why a control with this outcome does not count.
    pub fn accepted(&self, outcome: ControlOutcome) -> Option<String> {
        let Waiver {
            reason, expires, ..
        } = &self.waiver;
        self.accepts(outcome)
            .then(|| format!("waived until {expires}: {reason}"))
    }

    /// A note that it has expired.
    pub fn over(&self) -> Option<String> {
        let Waiver {
            reason, expires, ..
        } = &self.waiver;
        self.expired
            .then(|| format!("its waiver expired after {expires}: {reason}"))
    }
}

/// Notes on each control the waiver for it.
pub(crate) fn apply(audited: &mut [Audited], waivers: &[Waiver], today: Day) {
    for one in audited {
        one.waiver = Applied::find(waivers, one.control.key, one.edition.id, today);
    }
}

/// The waivers that are about no control of `benchmark`.
pub(crate) fn unused(waivers: &[Waiver], benchmark: Benchmark) -> Vec<&Waiver> {
    let of = controls::of(benchmark);
    let names = |waiver: &&Waiver| {
        !of.iter()
            .any(|(control, edition)| [control.key, edition.id].contains(&waiver.control.as_str()))
    };
    waivers.iter().filter(names).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_and_counted() {
        for (text, is_one) in [
            ("2027-01-31", true),
            ("2024-02-29", true),
            ("2000-02-29", true),
            ("2100-02-29", false),
            ("2026-02-29", false),
            ("2026-13-01", false),
            ("2026-00-01", false),
            ("2026-04-31", false),
            ("2026-4-3", false),
            ("26-04-03", false),
            ("2026-04-03T00", false),
            ("2026-04-03-", false),
            ("+026-04-03", false),
        ] {
            assert_eq!(Day::parse(text).is_some(), is_one, "{text}");
        }
        for (seconds, text) in [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_798_675_199, "2026-12-30"),
            (1_798_761_600, "2027-01-01"),
            (4_107_542_400, "2100-03-01"),
        ] {
            let day = Day::of_epoch(seconds);
            assert_eq!(day.to_string(), text);
            assert_eq!(Day::parse(text), Some(day));
        }
        assert!(Day::parse("2026-12-31") < Day::parse("2027-01-01"));
    }
}
