//! Paths that another server or a file names: decoded, and refused where they climb (`ngx_http_parse_unsafe_uri`).

use super::escape::hex;

/// Path, decoded, and query of a target; `None` where it is empty, climbs or has a zero byte.
pub fn parse(target: &[u8]) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
    let (path, query) = match memchr::memchr(b'?', target).and_then(|at| target.split_at_checked(at)) {
        Some((path, query)) => (path, query.get(1..).map(<[u8]>::to_vec)),
        None => (target, None),
    };
    let decoded = decode(path);
    let climbs = |path: &[u8]| path.split(|&byte| byte == b'/').any(|segment| segment == b"..");
    let refused = path.is_empty() || climbs(path) || climbs(&decoded) || decoded.contains(&0);
    (!refused).then_some((decoded, query))
}

/// Takes escapes away; of one that is none its `%` and what could have been a digit vanish.
fn decode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, behind @ ..] = rest {
        rest = behind;
        if *first != b'%' {
            out.push(*first);
            continue;
        }
        match behind {
            [high, tail @ ..] if hex(*high).is_none() => {
                out.push(*high);
                rest = tail;
            }
            [high, low, tail @ ..] => {
                out.extend(hex(*high).zip(hex(*low)).map(|(high, low)| high << 4 | low));
                rest = tail;
            }
            _ => rest = &[],
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_climbs_is_refused_however_it_is_written() {
        for target in [&b".."[..], b"../a", b"/a/..", b"/a/.%2e", b"/%2e%2e/a", b"", b"?a", b"/a%00"] {
            assert_eq!(parse(target), None, "{}", target.escape_ascii());
        }
    }

    #[test]
    fn a_path_is_decoded_and_its_query_is_not() {
        assert_eq!(parse(b"/a%20b?c%20d"), Some((b"/a b".to_vec(), Some(b"c%20d".to_vec()))));
        assert_eq!(parse(b"/a%zb..c"), Some((b"/azb..c".to_vec(), None)));
    }
}
