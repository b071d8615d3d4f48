//! The table of `Define`, and `${NAME}`.

use rustc_hash::FxHashMap;

/// Names set by `Define` and `-D`.
#[derive(Clone, Debug, Default)]
pub struct Defines {
    values: FxHashMap<Box<[u8]>, Option<Box<[u8]>>>,
}

impl Defines {
    /// The names given on the command line.
    pub fn of(given: &[(String, Option<String>)]) -> Self {
        let mut defines = Self::default();
        for (name, value) in given {
            defines.set(name.as_bytes(), value.as_ref().map(|value| value.as_bytes()));
        }
        defines
    }

    /// Whether the name is defined, with or without a value.
    pub fn contains(&self, name: &[u8]) -> bool {
        self.values.contains_key(name)
    }

    /// The name's value, if it has one.
    pub fn value(&self, name: &[u8]) -> Option<&[u8]> {
        self.values.get(name)?.as_deref()
    }

    /// `Define NAME [value]`.
    pub fn set(&mut self, name: &[u8], value: Option<&[u8]>) {
        self.values.insert(name.into(), value.map(Into::into));
    }

    /// `UnDefine NAME`.
    pub fn unset(&mut self, name: &[u8]) {
        self.values.remove(name);
    }

    /// Replaces every `${NAME}` of a line that has a value, here or else in the `environment`, in one pass; `None`
    /// where nothing changes.
    pub fn expand(&self, text: &[u8], environment: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
        let mut found = memchr::memmem::find(text, b"${")?;
        let (mut out, mut done) = (Vec::new(), 0);
        loop {
            let name = text.get(found + 2..).and_then(|tail| tail.get(..memchr::memchr(b'}', tail)?));
            let value = |name: &[u8]| self.value(name).map(<[u8]>::to_vec).or_else(|| environment(name));
            let next = match name.map(|name| (name.len(), value(name))) {
                Some((length, Some(value))) => {
                    out.extend_from_slice(text.get(done..found).unwrap_or_default());
                    out.extend_from_slice(&value);
                    done = found + length + 3;
                    done
                }
                _ => found + 2,
            };
            match text.get(next..).and_then(|tail| memchr::memmem::find(tail, b"${")) {
                Some(at) => found = next + at,
                None => break,
            }
        }
        out.extend_from_slice(text.get(done..).unwrap_or_default());
        (done > 0).then_some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_put_in_once_and_what_has_none_stays() {
        let mut defines = Defines::default();
        defines.set(b"a", Some(b"${b} x"));
        defines.set(b"b", None);
        let environment = |name: &[u8]| matches!(name, b"a" | b"e").then(|| b"env".to_vec());
        assert_eq!(defines.expand(b"1 ${a} ${b} ${map:k} ${", environment).unwrap(), b"1 ${b} x ${b} ${map:k} ${");
        assert_eq!(defines.expand(b"${e}", environment).unwrap(), b"env");
        assert_eq!(defines.expand(b"${c}", environment), None);
    }
}
