//! Decimal numbers as people write them, where they can be written in one way only.

/// Why a number is not read.
pub const TOO_LONG: &str = "has a number that is too long";
const SEPARATOR: &str = "has a number whose separator may mean thousands or a fraction";
const ZERO: &str = "states nothing: it is zero";

/// A number with `,` between thousands and `.` before a fraction, moved by `scale` powers of ten.
///
/// # Errors
/// `1.500` and `3,5` mean other numbers to other readers; zero is no value; beyond 15 digits a float is not exact.
pub fn decimal(number: &str, scale: i32) -> Result<f64, &'static str> {
    let (whole, fraction) = number
        .split_once('.')
        .map_or((number, None), |(whole, rest)| (whole, Some(rest)));
    if fraction.is_some_and(|rest| rest.len() == 3 || rest.contains(['.', ','])) {
        return Err(SEPARATOR);
    }
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or_default();
    let mut grouped = false;
    for group in groups {
        grouped = true;
        if group.len() != 3 {
            return Err(SEPARATOR);
        }
    }
    if grouped && !(1..=3).contains(&first.len()) {
        return Err(SEPARATOR);
    }
    let digits = number.replace(',', "");
    if digits.len() > 15 {
        return Err(TOO_LONG);
    }
    let value: f64 = digits.parse().map_err(|_| SEPARATOR)?;
    Ok(value * 10_f64.powi(scale))
}

/// At most two places, none where they are zero.
///
/// # Errors
/// What rounds to zero is none.
pub fn plain(value: f64) -> Result<String, &'static str> {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "0" || text.is_empty() {
        return Err(ZERO);
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("1,200", 0, "1200")]
    #[case("1,234,567.50", 0, "1234567.5")]
    #[case("2.5", 3, "2500")]
    #[case("40", 9, "40000000000")]
    #[case("100", 0, "100")]
    fn numbers_are_read(#[case] text: &str, #[case] scale: i32, #[case] read: &str) {
        assert_eq!(decimal(text, scale).and_then(plain), Ok(read.to_owned()));
    }

    #[rstest]
    #[case("1.500")]
    #[case("3,5")]
    #[case("1.500,50")]
    #[case("12,34,567")]
    #[case("1234,567")]
    #[case("1.2.3")]
    #[case("0")]
    #[case("0.001")]
    #[case("1234567890123456")]
    fn numbers_of_two_meanings_are_not(#[case] text: &str) {
        assert!(decimal(text, 0).and_then(plain).is_err(), "{text}");
    }
}
