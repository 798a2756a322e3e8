//! Dates: `2024-05-31`, with a time or without, as numbers that a model can use.

/// Days of 400 years.
const ERA: i64 = 146_097;

/// Days from the first of March of the year 0 to the first of January 1970.
const TO_1970: i64 = 719_468;

/// Seconds of a day.
const DAY: f64 = 86_400.0;

/// What a date becomes: days since 1970, the year, the month from 1, the day of the week from 0 on
/// Mondays, and the hour.
pub(super) const PARTS: [&str; 5] = ["days", "year", "month", "weekday", "hour"];

/// A date as it is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Date {
    /// Days since 1970 began in Greenwich, with the time as a part of one.
    pub(super) days: f64,
    pub(super) has_time: bool,
}

impl Date {
    /// `2024-05-31`, also with `T` or a blank and `hh:mm`, `hh:mm:ss` or `hh:mm:ss.fff`, and `Z` or
    /// the distance from Greenwich behind that, such as `+02:00`.
    pub(super) fn parse(cell: &str) -> Option<Self> {
        let (day, time) = cell.split_at_checked(10)?;
        let mut numbers = day.split('-').zip([4, 2, 2]).map(|(part, digits)| {
            let is_number = part.len() == digits && part.bytes().all(|b| b.is_ascii_digit());
            is_number.then(|| part.parse::<i64>().ok()).flatten()
        });
        let (year, month, of_month) = (numbers.next()??, numbers.next()??, numbers.next()??);
        let days = days_since_1970(year, month, of_month)?;
        let seconds = match time.strip_prefix(['T', 't', ' ']) {
            None if time.is_empty() => None,
            None => return None,
            Some(time) => Some(seconds(time)?),
        };
        Some(Self {
            days: days as f64 + seconds.unwrap_or(0.0) / DAY,
            has_time: seconds.is_some(),
        })
    }
}

/// [`PARTS`] of a date, given as days since 1970.
pub(super) fn parts(days: f64) -> [f64; 5] {
    let whole = days.floor();
    // To a thousandth of a second: doubles do not hold every share of a day.
    let hour = ((days - whole) * DAY * 1e3).round() / 3.6e6;
    let (year, month) = year_and_month(whole as i64);
    // The first day of 1970 was a Thursday.
    let weekday = (whole as i64 + 3).rem_euclid(7);
    [days, year as f64, month as f64, weekday as f64, hour]
}

/// Years that begin in March have the day that some lack at their end.
///
/// # References
/// H. Hinnant: "chrono-compatible low-level date algorithms", 2013.
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let len = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => return None,
    };
    if !(1..=len).contains(&day) {
        return None;
    }
    let from_march = year - i64::from(month <= 2);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let (era, of_era) = (from_march.div_euclid(400), from_march.rem_euclid(400));
    Some(era * ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year - TO_1970)
}

/// The way back.
fn year_and_month(days: i64) -> (i64, i64) {
    let days = days + TO_1970;
    let (era, of_era) = (days.div_euclid(ERA), days.rem_euclid(ERA));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = ((5 * of_year + 2) / 153 + 2) % 12 + 1;
    (era * 400 + year + i64::from(month <= 2), month)
}

/// A time of day in Greenwich, in seconds; beyond a day where that is another day there.
fn seconds(time: &str) -> Option<f64> {
    let (time, ahead) = match time.find(['Z', 'z', '+', '-']) {
        None => (time, 0.0),
        Some(at) => (&time[..at], seconds_ahead(&time[at..])?),
    };
    let mut parts = time.split(':');
    let (hour, minute) = (number(parts.next()?, 24.0)?, number(parts.next()?, 60.0)?);
    let second = parts.next().map_or(Some(0.0), |part| {
        let (whole, fraction) = part.split_once('.').unwrap_or((part, "0"));
        let is_number = !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit());
        number(whole, 60.0)?;
        is_number.then(|| part.parse::<f64>().ok()).flatten()
    })?;
    let is_whole = parts.next().is_none();
    is_whole.then_some(3600.0 * hour + 60.0 * minute + second - ahead)
}

/// `Z`, `+02:00`, `-0330` or `+01`.
fn seconds_ahead(zone: &str) -> Option<f64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0.0);
    }
    let (sign, digits) = match zone.strip_prefix('-') {
        Some(digits) => (-1.0, digits),
        None => (1.0, zone.strip_prefix('+')?),
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(both) => both,
        None => digits.split_at_checked(2)?,
    };
    let minutes = match minutes {
        "" => 0.0,
        minutes => number(minutes, 60.0)?,
    };
    Some(sign * (3600.0 * number(hours, 24.0)? + 60.0 * minutes))
}

/// Two digits below `end`.
fn number(digits: &str, end: f64) -> Option<f64> {
    let is_number = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
    let value: f64 = digits.parse().ok().filter(|_| is_number)?;
    (value < end).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_days_since_1970_and_their_parts() {
        for (cell, expected) in [
            ("1970-01-01", [0.0, 1970.0, 1.0, 3.0, 0.0]),
            ("1969-12-31", [-1.0, 1969.0, 12.0, 2.0, 0.0]),
            ("2000-02-29", [11_016.0, 2000.0, 2.0, 1.0, 0.0]),
            (
                "2024-05-31T13:00",
                [19_874.0 + 13.0 / 24.0, 2024.0, 5.0, 4.0, 13.0],
            ),
            (
                "2024-05-31 13:30:00.5",
                [
                    19_874.0 + 48_600.5 / DAY,
                    2024.0,
                    5.0,
                    4.0,
                    13.0 + 1800.5 / 3600.0,
                ],
            ),
            (
                "2024-05-31T01:00:00+02:00",
                [19_873.0 + 23.0 / 24.0, 2024.0, 5.0, 3.0, 23.0],
            ),
            (
                "2024-05-31T22:00:00-0330",
                [19_875.0 + 1.5 / 24.0, 2024.0, 6.0, 5.0, 1.5],
            ),
            ("2024-05-31T06:00:00Z", [19_874.25, 2024.0, 5.0, 4.0, 6.0]),
        ] {
            let date = Date::parse(cell).unwrap();
            assert_eq!(date.has_time, cell.len() > 10, "{cell}");
            let got = parts(date.days);
            let error = got.iter().zip(expected).map(|(a, b)| (a - b).abs());
            assert!(error.fold(0.0, f64::max) < 1e-6, "{cell}: {got:?}");
        }
        // Every day has the one before it, and its own year and month.
        let mut before = None;
        for year in 1895..2105 {
            for month in 1..=12 {
                for day in 1..=31 {
                    let cell = format!("{year}-{month:02}-{day:02}");
                    let Some(date) = Date::parse(&cell) else {
                        assert!(day > 28, "{cell}");
                        continue;
                    };
                    assert!(
                        before.is_none_or(|before| date.days == before + 1.0),
                        "{cell}"
                    );
                    before = Some(date.days);
                    assert_eq!(
                        parts(date.days)[1..3],
                        [year as f64, month as f64],
                        "{cell}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for cell in [
            "",
            "2024",
            "2024-5-31",
            "2024-13-01",
            "2024-02-30",
            "2023-02-29",
            "31.05.2024",
            "2024-05-31x",
            "2024-05-31T",
            "2024-05-31T24:00",
            "2024-05-31T1:00",
            "+024-05-31",
            "2024-05-31T10:00+2",
            "2024-05-31T10:00:00:00",
            "\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}x",
        ] {
            assert_eq!(Date::parse(cell), None, "{cell}");
        }
    }
}
