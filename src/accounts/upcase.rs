//! Upper case as Windows has it for account names.

/// The upper case of UTF-16 text, one unit to one (MS-UCODEREF 3.1.5.3): a
/// sharp s stays what it is, where Unicode's full mapping makes SS of it, and
/// so do characters outside of the first plane.
///
/// Unicode's mapping where it is one to one, but for the characters that
/// Windows leaves alone because their upper case is another letter's, or did
/// not exist when its table was made.
pub(crate) fn upcase(text: &[u16]) -> Vec<u16> {
    text.iter().map(|&unit| upcase_unit(unit)).collect()
}

fn upcase_unit(unit: u16) -> u16 {
    if is_left_alone(unit) {
        return unit;
    }
    let Some(character) = char::from_u32(u32::from(unit)) else {
        // Half of a pair.
        return unit;
    };
    let mut upper = character.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(one), None) => u16::try_from(u32::from(one)).unwrap_or(unit),
        _ => unit,
    }
}

/// One spelling, in small letters, for all texts of one upper case, and never
/// the same for two that have not. Unicode's own mapping makes a k of the
/// Kelvin sign, which is nobody's capital K.
pub(crate) fn downcase(text: &[u16]) -> Vec<u16> {
    text.iter().map(|&unit| downcase_unit(unit)).collect()
}

fn downcase_unit(unit: u16) -> u16 {
    let upper = upcase_unit(unit);
    let Some(character) = char::from_u32(u32::from(upper)) else {
        return upper;
    };
    let mut lower = character.to_lowercase();
    let lower = match (lower.next(), lower.next()) {
        (Some(one), None) => u16::try_from(u32::from(one)).unwrap_or(upper),
        _ => upper,
    };
    if upcase_unit(lower) == upper {
        lower
    } else {
        upper
    }
}

fn is_left_alone(unit: u16) -> bool {
    matches!(
        unit,
        // Micro sign, dotless i, long s, combining iota.
        0x00B5 | 0x0131 | 0x017F | 0x0345 | 0x1E9B | 0x1FBE
        // Title case: it has two others.
        | 0x01C5 | 0x01C8 | 0x01CB | 0x01F2
        // Greek letters used as symbols.
        | 0x03D0 | 0x03D1 | 0x03D5 | 0x03D6 | 0x03F0 | 0x03F1 | 0x03F5
        // Georgian and Cherokee, whose other case came later, and variants of
        // Cyrillic letters.
        | 0x10D0..=0x10FF | 0x13F8..=0x13FD | 0x1C80..=0x1C88 | 0xAB70..=0xABBF
    )
}

#[cfg(test)]
mod tests {
    use super::{downcase, downcase_unit, upcase, upcase_unit};

    fn upper(text: &str) -> String {
        let units: Vec<u16> = text.encode_utf16().collect();
        String::from_utf16(&upcase(&units)).unwrap()
    }

    /// Expected texts from Samba's `toupper_m`, whose table is Windows'.
    #[test]
    fn one_unit_to_one() {
        assert_eq!(upper("User"), "USER");
        assert_eq!(upper("üser ÿ ж ά"), "ÜSER Ÿ Ж Ά");
        // Rule 33: not STRASSE.
        assert_eq!(upper("straße"), "STRAßE");
        assert_eq!(upper("\u{FB01}"), "\u{FB01}");
        // Letters of Unicode's that are nobody else's capitals.
        assert_eq!(upper("\u{131}\u{17F}\u{B5}"), "\u{131}\u{17F}\u{B5}");
        assert_eq!(upper("\u{10428}"), "\u{10428}");
    }

    /// What is one name in upper case is one in small letters, and what is
    /// not is not, for every unit that there is.
    #[test]
    fn small_letters_tell_apart_what_capitals_do() {
        for unit in 0..=u16::MAX {
            let (upper, lower) = (upcase_unit(unit), downcase_unit(unit));
            assert_eq!(upcase_unit(upper), upper, "{unit:x}");
            assert_eq!(upcase_unit(lower), upper, "{unit:x}");
            assert_eq!(downcase_unit(upper), lower, "{unit:x}");
        }
        let lower = |text: &str| {
            let units: Vec<u16> = text.encode_utf16().collect();
            String::from_utf16(&downcase(&units)).unwrap()
        };
        assert_eq!(lower("ALICE ÄÖÜ ΑΣ ας Ж"), "alice äöü ασ ασ ж");
        // The Kelvin and Angstrom signs, a dotted I, a long and a sharp s.
        assert_eq!(
            lower("\u{212A}\u{212B}\u{130}ſß"),
            "\u{212A}\u{212B}\u{130}ſß"
        );
    }
}
