//! Times of log lines. klog writes the local time without year and zone; the other formats write points in
//! time.

/// Microseconds of a second.
const SECOND: i64 = 1_000_000;
/// Seconds of a day.
const DAY: i64 = 86_400;
/// Offsets of time zones are multiples of this, in seconds.
const ZONE_STEP: i64 = 15 * 60;
/// The longest time between the last line that has a time and the end of the log, in seconds.
const PAUSE: i64 = 60;
/// The largest offset of a time zone from UTC, in seconds.
const ZONE_MAX: i64 = 14 * 3600;

/// When a line was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogTime {
    /// Microseconds since 1970.
    Utc(u64),
    /// klog's time: local, without a year.
    Local {
        /// 1 to 12.
        month: u32,
        /// 1 to 31.
        day: u32,
        /// Microseconds since midnight.
        time: i64,
    },
}

impl LogTime {
    /// The time in microseconds since 1970. `last` is the time of the last line of the log, and `written` when
    /// the log was last written, in microseconds since 1970: their difference is the offset of the time zone,
    /// and the year follows.
    pub fn resolve(self, last: Self, written: u64) -> u64 {
        let (Some(own), Some(end)) = (self.naive(written), last.naive(written)) else {
            return match self {
                Self::Utc(at) => at,
                Self::Local { .. } => written,
            };
        };
        let written = i64::try_from(written).unwrap_or(i64::MAX);
        let gap = end.saturating_sub(written);
        let step = ZONE_STEP.saturating_mul(SECOND);
        let offset = gap
            .saturating_add(step / 2)
            .div_euclid(step)
            .saturating_mul(step);
        let is_zone = offset.abs() <= ZONE_MAX.saturating_mul(SECOND)
            && gap.saturating_sub(offset).abs() <= PAUSE.saturating_mul(SECOND);
        // The file was copied, or its time was changed: what is known is the time between the two lines.
        let offset = if is_zone { offset } else { gap };
        u64::try_from(own.saturating_sub(offset)).unwrap_or_default()
    }

    /// A local time as if its zone were UTC, in the year that is nearest to `written`.
    fn naive(self, written: u64) -> Option<i64> {
        let Self::Local { month, day, time } = self else {
            return None;
        };
        let written = i64::try_from(written).ok()?;
        let year = year_of(written.div_euclid(SECOND).div_euclid(DAY));
        let in_year = |year: i64| {
            let days = days_since_1970(year, i64::from(month), i64::from(day));
            days.saturating_mul(DAY)
                .saturating_mul(SECOND)
                .saturating_add(time)
        };
        [year, year.saturating_sub(1), year.saturating_add(1)]
            .into_iter()
            .map(in_year)
            .min_by_key(|at| at.abs_diff(written))
    }
}

/// The days from 1970-01-01 to a day of the Gregorian calendar.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March, so that the day of a leap year is the last one.
    let year = year.saturating_sub(i64::from(month <= 2));
    let month = (month.saturating_add(9)).rem_euclid(12);
    let in_year = month
        .saturating_mul(153)
        .saturating_add(2)
        .div_euclid(5)
        .saturating_add(day)
        .saturating_sub(1);
    year.saturating_mul(365)
        .saturating_add(year.div_euclid(4))
        .saturating_sub(year.div_euclid(100))
        .saturating_add(year.div_euclid(400))
        .saturating_add(in_year)
        .saturating_sub(719_468)
}

/// The year of a day after 1970-01-01.
fn year_of(days: i64) -> i64 {
    // 400 years have 146097 days. The estimate is off by one at the beginning or the end of some years.
    let estimate = days
        .saturating_mul(400)
        .div_euclid(146_097)
        .saturating_add(1970);
    let later = estimate.saturating_add(1);
    [later, estimate]
        .into_iter()
        .find(|year| days_since_1970(*year, 1, 1) <= days)
        .unwrap_or_else(|| estimate.saturating_sub(1))
}

/// A number of exactly `digits` digits at the beginning of `text`, and the rest.
pub(super) fn number(text: &str, digits: usize) -> Option<(u32, &str)> {
    let (number, rest) = text.split_at_checked(digits)?;
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((number.parse().ok()?, rest))
}

/// `15:04:05.000000` with any number of decimals, in microseconds; and the rest.
pub(super) fn clock(text: &str) -> Option<(i64, &str)> {
    let (hours, rest) = number(text, 2)?;
    let (minutes, rest) = number(rest.strip_prefix(':')?, 2)?;
    let (seconds, rest) = number(rest.strip_prefix(':')?, 2)?;
    // 60: a leap second.
    if hours > 23 || minutes > 59 || seconds > 60 {
        return None;
    }
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(decimals) => {
            let end = decimals.find(|c: char| !c.is_ascii_digit());
            let (digits, rest) = decimals.split_at_checked(end.unwrap_or(decimals.len()))?;
            let six: String = digits.chars().chain("000000".chars()).take(6).collect();
            (six.parse().ok()?, rest)
        }
        None => (0, rest),
    };
    let seconds = i64::from(hours)
        .saturating_mul(3600)
        .saturating_add(i64::from(minutes).saturating_mul(60))
        .saturating_add(i64::from(seconds));
    let time = seconds.saturating_mul(SECOND).saturating_add(fraction);
    Some((time, rest))
}

/// A time of RFC 3339, such as `2026-11-28T10:00:00.5+01:00`.
pub(super) fn rfc3339(text: &str) -> Option<LogTime> {
    let (year, rest) = number(text, 4)?;
    let (month, rest) = number(rest.strip_prefix('-')?, 2)?;
    let (day, rest) = number(rest.strip_prefix('-')?, 2)?;
    let (time, zone) = clock(rest.strip_prefix('T')?)?;
    let offset = if zone == "Z" {
        0
    } else {
        let (hours, rest) = number(zone.strip_prefix(['+', '-'])?, 2)?;
        let (minutes, rest) = number(rest.strip_prefix(':')?, 2)?;
        if !rest.is_empty() {
            return None;
        }
        let ahead = i64::from(hours)
            .saturating_mul(3600)
            .saturating_add(i64::from(minutes).saturating_mul(60));
        if zone.starts_with('-') { -ahead } else { ahead }
    };
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let days = days_since_1970(i64::from(year), i64::from(month), i64::from(day));
    let at = days
        .saturating_mul(DAY)
        .saturating_sub(offset)
        .saturating_mul(SECOND)
        .saturating_add(time);
    u64::try_from(at).ok().map(LogTime::Utc)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn local(month: u32, day: u32, seconds: i64) -> LogTime {
        LogTime::Local {
            month,
            day,
            time: seconds * SECOND,
        }
    }

    fn utc(text: &str) -> u64 {
        match rfc3339(text) {
            Some(LogTime::Utc(at)) => at,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn points_in_time_are_read() {
        assert_eq!(utc("1970-01-01T00:00:00Z"), 0);
        assert_eq!(utc("2000-02-29T12:00:00Z"), 951_825_600_000_000);
        assert_eq!(utc("2026-11-28T11:29:47.436861Z"), 1_795_865_387_436_861);
        assert_eq!(
            utc("2026-11-28T12:29:47.436861234+01:00"),
            1_795_865_387_436_861
        );
        assert_eq!(utc("2026-11-28T05:59:47.4-05:30"), 1_795_865_387_400_000);
        for text in [
            "",
            "2026-11-28",
            "2026-11-28 11:29:47Z",
            "2026-13-28T11:29:47Z",
            "2026-11-28T25:29:47Z",
            "2026-11-28T11:29:47",
            "2026-11-28T11:29:47+1",
            "2026-11-28T11:29:47+01:00x",
            "1969-12-31T23:59:59Z",
        ] {
            assert_eq!(rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn years_follow_from_days() {
        for year in 1970..2800 {
            let first = days_since_1970(year, 1, 1);
            assert_eq!(year_of(first), year);
            assert_eq!(year_of(first - 1), year - 1);
        }
    }

    #[test]
    fn the_zone_follows_from_when_the_log_was_written() {
        let written = utc("2026-11-28T11:30:02.7Z");
        for (hours, zone) in [(0, "Z"), (1, "+01:00"), (-5, "-05:00")] {
            let end = local(11, 28, (11 + hours) * 3600 + 30 * 60 + 2);
            let exit = local(11, 28, (11 + hours) * 3600 + 29 * 60 + 47);
            assert_eq!(
                exit.resolve(end, written),
                utc("2026-11-28T11:29:47Z"),
                "{zone}"
            );
        }
        let exit = local(12, 31, 23 * 3600);
        let written = utc("2027-01-01T00:10:00Z");
        assert_eq!(
            exit.resolve(local(1, 1, 600), written),
            utc("2026-12-31T23:00:00Z"),
            "the year before"
        );
    }

    #[test]
    fn the_time_of_a_file_that_was_copied_counts_for_its_last_line() {
        let written = utc("2026-11-28T11:30:00Z");
        let (exit, end) = (local(6, 1, 100), local(6, 1, 107));
        assert_eq!(exit.resolve(end, written), utc("2026-11-28T11:29:53Z"));
        // Not half an hour east of Greenwich.
        let end = local(11, 28, 11 * 3600);
        let exit = local(11, 28, 11 * 3600 - 3);
        let written = utc("2026-11-28T11:26:00Z");
        assert_eq!(exit.resolve(end, written), utc("2026-11-28T11:25:57Z"));
        let any = LogTime::Utc(7);
        assert_eq!(any.resolve(end, written), 7);
        assert_eq!(exit.resolve(any, written), written);
        for (written, month) in [(0, 1), (u64::MAX, 12), (1, 12)] {
            let _ = local(month, 31, 0).resolve(local(month, 1, 0), written);
        }
    }
}
