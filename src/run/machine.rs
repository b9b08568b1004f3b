//! The machine that a run was on, and when.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use sysinfo::{CpuRefreshKind, RefreshKind, System};

/// What the manifest says of a machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Its name in the network, where the system tells it.
    pub host: Option<String>,
    /// The CPU's name, where the system tells it.
    pub cpu: Option<String>,
}

impl Machine {
    /// This one.
    pub fn here() -> Self {
        let kind = RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing());
        let system = System::new_with_specifics(kind);
        let cpu = system.cpus().first().map(|cpu| cpu.brand().trim().to_owned());
        Self { host: System::host_name(), cpu: cpu.filter(|name| !name.is_empty()) }
    }
}

/// The time now, in UTC and to the second: `2026-11-25T04:31:35Z`.
pub fn now() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    utc(seconds)
}

/// The seconds from 1970 to a time that [`now`] has written; none for any other text.
pub fn seconds_since_1970(utc: &str) -> Option<u64> {
    let (date, time) = utc.strip_suffix('Z')?.split_once('T')?;
    let numbers = |text: &str, mark| -> Option<[u64; 3]> {
        let parts: Result<Vec<u64>, _> = text.split(mark).map(str::parse).collect();
        parts.ok()?.try_into().ok()
    };
    let ([year, month, day], [hour, minute, second]) = (numbers(date, '-')?, numbers(time, ':')?);
    let (year, month) = (year.checked_sub(u64::from(month < 3))?, (month + 9) % 12);
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day;
    Some(86_400 * days.checked_sub(719_469)? + 3600 * hour + 60 * minute + second)
}

/// Seconds since 1970 as a date and a time (RFC 3339).
fn utc(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let [year, month, day] = date(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Year, month and day of a day since 1970-01-01, in the Gregorian calendar.
///
/// Counted in years that begin in March, so that the leap day is the last of its year; such years
/// repeat every 400, which have 146,097 days.
fn date(days: u64) -> [u64; 3] {
    let days = days + 719_468;
    let (cycle, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let march = (5 * day + 2) / 153;
    let day = day - (153 * march + 2) / 5 + 1;
    let month = if march < 10 { march + 3 } else { march - 9 };
    [400 * cycle + year + u64::from(month <= 2), month, day]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected: `date -u -d @SECONDS +%FT%TZ`.
    #[test]
    fn seconds_are_written_as_a_date() {
        let cases = [
            (0, "1970-01-01T00:00:00Z"),
            (951_827_696, "2000-02-29T12:34:56Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_764_045_095, "2025-11-25T04:31:35Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(utc(seconds), expected);
            assert_eq!(seconds_since_1970(expected), Some(seconds));
        }
        assert_eq!(["", "1970-01-01", "0-1-1T0:0:0Z"].map(seconds_since_1970), [None; 3]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_has_a_name_and_a_cpu() {
        let Machine { host, cpu } = Machine::here();
        assert!(host.is_some_and(|host| !host.is_empty()) && cpu.is_some());
    }
}
