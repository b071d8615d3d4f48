//! Times and sizes as nginx writes them.

/// The units of time, the longest first: they stand in this order.
const UNITS: [(u8, u64); 8] = [
    (b'y', 31_536_000),
    (b'M', 2_592_000),
    (b'w', 604_800),
    (b'd', 86_400),
    (b'h', 3600),
    (b'm', 60),
    (b's', 1),
    (b' ', 1),
];

/// A time such as `1d12h` in seconds (`ngx_parse_time`).
pub fn seconds(text: &[u8]) -> Option<u64> {
    let (mut total, mut number, mut left) = (0u64, 0u64, &UNITS[..]);
    text.iter().find(|byte| byte.is_ascii_digit())?;
    for &byte in text {
        if byte.is_ascii_digit() {
            number = number.checked_mul(10)?.checked_add(u64::from(byte - b'0'))?;
            continue;
        }
        let at = left.iter().position(|(unit, _)| *unit == byte)?;
        let (_, scale) = left.get(at)?;
        total = total.checked_add(number.checked_mul(*scale)?)?;
        (number, left) = (0, left.get(at + 1..)?);
    }
    total.checked_add(number)
}

/// A size such as `64k` in bytes (`ngx_parse_size`).
pub fn size(text: &[u8]) -> Option<u64> {
    let (digits, unit) = match text {
        [digits @ .., b'k' | b'K'] => (digits, 1 << 10),
        [digits @ .., b'm' | b'M'] => (digits, 1 << 20),
        digits => (digits, 1),
    };
    std::str::from_utf8(digits).ok()?.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_time_stand_in_order() {
        assert_eq!(seconds(b"1d12h"), Some(129_600));
        assert_eq!(seconds(b"1h30"), Some(3630));
        assert_eq!(seconds(b"1m1h"), None);
        assert_eq!(seconds(b""), None);
    }

    #[test]
    fn a_size_has_one_unit_at_most() {
        assert_eq!(size(b"64k"), Some(65_536));
        assert_eq!(size(b"1M"), Some(1_048_576));
        assert_eq!(size(b"abc"), None);
    }
}
