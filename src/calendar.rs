//! The Gregorian calendar, in days since 1970-01-01. It knows no clock, so
//! that a codec may use it.

// For backends: a build without one writes dates and reads none.
#![allow(dead_code)]

/// How many days a month (1 to 12) has.
pub(crate) fn days_in(year: i64, month: i64) -> i64 {
    match month {
        // Of the years that 4 divides, those that 25 divides are those of 100.
        2 if year % 4 == 0 && (year % 25 != 0 || year % 16 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The day's number. Counted in years that start in March, so that a leap day
/// is the last day of its year.
pub(crate) fn days_to(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The day's number, of a date as texts have it: century, year of the century
/// (both of two digits), month and day. As [`days_to`], without a division but
/// one by a constant: five dates are read for each client.
pub(crate) fn days_of(century: u32, year: u32, month: u32, day: u32) -> i64 {
    let early = u32::from(month <= 2);
    // A century early, so that there is one before the first.
    let (century, year) = match year {
        0 if early == 1 => (century + 3, 99),
        _ => (century + 4, year - early),
    };
    let months = month + 12 * early - 3;
    // Of 100 years, 24 are leap years, and of 400 one more.
    let days = century * 36_524 + century / 4 + year * 365 + year / 4;
    i64::from(days + (153 * months + 2) / 5 + day) - 719_469 - 146_097
}

/// Year, month and day: the reverse of [`days_to`].
pub(crate) fn date_of(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = (month + 2) % 12 + 1;
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::{date_of, days_in, days_of, days_to};

    /// Expected from `date -u -d DATE +%s`, divided by 86 400.
    #[test]
    fn days_are_those_of_date() {
        for (date, days) in [
            ((1970, 1, 1), 0),
            ((1969, 12, 31), -1),
            ((2000, 2, 29), 11_016),
            ((2000, 3, 1), 11_017),
            ((1900, 3, 1), -25_508),
            ((2100, 2, 28), 47_540),
            ((2100, 3, 1), 47_541),
            ((9999, 12, 31), 2_932_896),
            ((1, 1, 1), -719_162),
        ] {
            let (year, month, day) = date;
            assert_eq!(days_to(year, month, day), days, "{date:?}");
            assert_eq!(date_of(days), date);
        }
    }

    /// Every day of 800 years follows the one before, each month as long as it is.
    #[test]
    fn days_follow_each_other() {
        let mut days = days_to(1600, 1, 1);
        for year in 1600..2400 {
            for month in 1..=12 {
                for day in 1..=days_in(year, month) {
                    assert_eq!(date_of(days), (year, month, day));
                    assert_eq!(days_to(year, month, day), days);
                    let [century, year, month, day] =
                        [year / 100, year % 100, month, day].map(|n| u32::try_from(n).unwrap());
                    assert_eq!(days_of(century, year, month, day), days);
                    days += 1;
                }
            }
        }
    }
}
