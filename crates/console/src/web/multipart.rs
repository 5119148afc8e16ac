//! A form with files (RFC 7578), read piece by piece: files go through, nothing of them is kept.

/// The longest boundary (RFC 2046, section 5.1.1).
const MAX_BOUNDARY: usize = 70;

/// Bytes of a part's head.
const MAX_HEAD: usize = 8 << 10;

/// Parts of a form.
const MAX_PARTS: usize = 16;

/// A piece of a form.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A part begins: its name, and the file's where it is one.
    Begin {
        /// The field's name.
        name: &'a str,
        /// The file's name, as the browser tells it.
        file: Option<&'a str>,
    },
    /// Bytes of the part that began last.
    Data(&'a [u8]),
}

/// Why it is no form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the form can't be read: {0}")]
pub struct Broken(pub &'static str);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Before the first boundary.
    Preamble,
    /// Behind a boundary: its line's end, or the end of all.
    Boundary,
    Head,
    Body,
    End,
}

/// A form being read.
#[derive(Debug)]
pub struct Form {
    /// `\r\n--` and the boundary.
    delimiter: Vec<u8>,
    rest: Vec<u8>,
    at: At,
    parts: usize,
}

impl Form {
    /// The form that this `Content-Type` announces.
    ///
    /// # Errors
    /// It has no boundary.
    pub fn new(content_type: &str) -> Result<Form, Broken> {
        let boundary = content_type
            .split(';')
            .skip(1)
            .find_map(|part| {
                let (name, value) = part.trim().split_once('=')?;
                name.eq_ignore_ascii_case("boundary")
                    .then(|| value.trim_matches('"'))
            })
            .filter(|boundary| (1..=MAX_BOUNDARY).contains(&boundary.len()))
            .ok_or(Broken("it names no boundary"))?;
        Ok(Form {
            delimiter: format!("\r\n--{boundary}").into_bytes(),
            // The first boundary may stand at the very beginning.
            rest: b"\r\n".to_vec(),
            at: At::Preamble,
            parts: 0,
        })
    }

    /// Whether all of it was read.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.at == At::End
    }

    /// Takes more bytes; calls back with what they are.
    ///
    /// # Errors
    /// It is no form; or what the caller says.
    pub fn feed<E: From<Broken>>(
        &mut self,
        bytes: &[u8],
        take: &mut dyn FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.rest.extend_from_slice(bytes);
        let rest = std::mem::take(&mut self.rest);
        let mut from = 0;
        while let Some(used) = self.step(rest.get(from..).unwrap_or_default(), take)? {
            from += used;
        }
        self.rest = rest.get(from..).unwrap_or_default().to_vec();
        Ok(())
    }

    /// One step; how many bytes it used, None where it takes more of them.
    fn step<E: From<Broken>>(
        &mut self,
        rest: &[u8],
        take: &mut dyn FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<Option<usize>, E> {
        match self.at {
            At::End => Ok((!rest.is_empty()).then_some(rest.len())),
            At::Preamble | At::Body => match find(rest, &self.delimiter) {
                Some(found) => {
                    self.give(rest.get(..found).unwrap_or_default(), take)?;
                    self.at = At::Boundary;
                    Ok(Some(found + self.delimiter.len()))
                }
                None => {
                    // The end may be the beginning of a delimiter.
                    let sure = rest.len().saturating_sub(self.delimiter.len() - 1);
                    if sure == 0 {
                        return Ok(None);
                    }
                    self.give(rest.get(..sure).unwrap_or_default(), take)?;
                    Ok(Some(sure))
                }
            },
            At::Boundary => {
                if rest.starts_with(b"--") {
                    self.at = At::End;
                    return Ok(Some(2));
                }
                let Some(end) = find(rest, b"\r\n") else {
                    return if rest.len() > MAX_BOUNDARY {
                        Err(Broken("a boundary without an end").into())
                    } else {
                        Ok(None)
                    };
                };
                let padding = rest.get(..end).unwrap_or_default();
                if padding.iter().any(|byte| !matches!(byte, b' ' | b'\t')) {
                    return Err(Broken("a boundary that goes on").into());
                }
                self.at = At::Head;
                // The line's end stays: a part without a head has an empty line at once.
                Ok(Some(end))
            }
            At::Head => {
                let Some(end) = find(rest, b"\r\n\r\n") else {
                    return if rest.len() > MAX_HEAD {
                        Err(Broken("the head of a part is too long").into())
                    } else {
                        Ok(None)
                    };
                };
                self.parts += 1;
                if self.parts > MAX_PARTS {
                    return Err(Broken("too many parts").into());
                }
                let head = rest.get(..end).unwrap_or_default();
                let head =
                    std::str::from_utf8(head).map_err(|_| Broken("a head that is no text"))?;
                let (name, file) = disposition(head).ok_or(Broken("a part without a name"))?;
                take(Piece::Begin { name, file })?;
                self.at = At::Body;
                Ok(Some(end + 4))
            }
        }
    }

    fn give<E>(
        &self,
        bytes: &[u8],
        take: &mut dyn FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.at == At::Body && !bytes.is_empty() {
            take(Piece::Data(bytes))
        } else {
            Ok(())
        }
    }
}

/// Where `wanted` begins.
fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = wanted.first()?;
    let mut from = 0;
    loop {
        let rest = bytes.get(from..)?;
        let at = from + rest.iter().position(|byte| byte == first)?;
        if bytes.get(at..)?.starts_with(wanted) {
            return Some(at);
        }
        from = at + 1;
    }
}

/// Name and file's name of a part.
fn disposition(head: &str) -> Option<(&str, Option<&str>)> {
    let line = head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim()
            .eq_ignore_ascii_case("content-disposition")
            .then_some(value)
    })?;
    let value = |wanted: &str| {
        line.split(';').skip(1).find_map(|part| {
            let (name, value) = part.trim().split_once('=')?;
            name.trim()
                .eq_ignore_ascii_case(wanted)
                .then(|| value.trim().trim_matches('"'))
        })
    };
    Some((value("name")?, value("filename")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KIND: &str = "multipart/form-data; boundary=\"xx\"";
    const FORM: &[u8] = b"--xx\r\nContent-Disposition: form-data; name=\"rules\"\r\n\r\nalert\r\n--x\r\n--xx\r\n\
        content-disposition: form-data; name=\"capture\"; filename=\"a.pcap\"\r\nContent-Type: x/y\r\n\r\n\x00\r\n\r\n--xx--\r\n";

    /// Parts as name, file and bytes.
    type Parts = Vec<(String, Option<String>, Vec<u8>)>;

    fn read(chunks: &[&[u8]]) -> Result<(Parts, bool), Broken> {
        let mut form = Form::new(KIND)?;
        let mut parts = Parts::new();
        for chunk in chunks {
            form.feed(chunk, &mut |piece| {
                match piece {
                    Piece::Begin { name, file } => {
                        parts.push((name.to_owned(), file.map(str::to_owned), Vec::new()));
                    }
                    Piece::Data(bytes) => {
                        if let Some(part) = parts.last_mut() {
                            part.2.extend_from_slice(bytes);
                        }
                    }
                }
                Ok::<(), Broken>(())
            })?;
        }
        Ok((parts, form.is_done()))
    }

    fn expected() -> Parts {
        vec![
            ("rules".into(), None, b"alert\r\n--x".to_vec()),
            (
                "capture".into(),
                Some("a.pcap".into()),
                b"\x00\r\n".to_vec(),
            ),
        ]
    }

    #[test]
    fn a_form_is_read_part_by_part() {
        assert_eq!(read(&[FORM]).unwrap(), (expected(), true));
        assert!(!read(&[&FORM[..FORM.len() - 6]]).unwrap().1);
        assert!(Form::new("multipart/form-data").is_err());
        assert!(read(&[b"--xxy\r\n\r\n"]).is_err());
        assert!(read(&[b"--xx\r\nfoo: bar\r\n\r\n"]).is_err());
        let long = [b"--xx\r\n".as_slice(), &[b'a'; MAX_HEAD + 1]].concat();
        assert!(read(&[&long]).is_err());
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same(cuts in proptest::collection::vec(0..FORM.len(), 0..8)) {
            let mut cuts = cuts;
            cuts.sort_unstable();
            cuts.push(FORM.len());
            let mut from = 0;
            let mut chunks = Vec::new();
            for cut in cuts {
                chunks.push(&FORM[from..cut]);
                from = cut;
            }
            prop_assert_eq!(read(&chunks).unwrap(), (expected(), true));
        }

        #[test]
        fn any_bytes_are_a_form_or_none(bytes in any::<Vec<u8>>()) {
            let _ = read(&[b"--xx\r\n", &bytes]);
        }
    }
}
