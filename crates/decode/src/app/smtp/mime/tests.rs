//! Mails: parts, attachments, oddities.

use super::*;
use crate::app::line::Lines;
use crate::file::FileWants;
use proptest::prelude::*;

struct Outcome {
    mime: Mime,
    files: Vec<(String, Vec<u8>, FileState)>,
    events: Vec<&'static str>,
}

fn read(config: &MimeConfig, pieces: &[&[u8]]) -> Outcome {
    let mut mime = Mime::new(config);
    let (mut files, mut events) = (FileSet::default(), Vec::new());
    let file_config = FileConfig {
        wants: FileWants {
            md5: true,
            ..FileWants::default()
        },
        ..FileConfig::default()
    };
    let mut event = |name| {
        if !events.contains(&name) {
            events.push(name);
        }
    };
    let mut sink = Sink {
        config,
        file_config: &file_config,
        files: &mut files,
        event: &mut event,
    };
    let mut lines = Lines::default();
    for piece in pieces {
        let mut data = *piece;
        while let Some(line) = lines.next(&mut data, 4096) {
            mime.on_line(&line, b"", &mut sink);
        }
    }
    mime.finish(&mut sink);
    let files = files
        .files
        .into_iter()
        .map(|f| {
            (
                String::from_utf8_lossy(&f.name).into_owned(),
                f.data,
                f.state,
            )
        })
        .collect();
    Outcome {
        mime,
        files,
        events,
    }
}

const MAIL: &str = "From: a@b\r\nTo: c@d\r\nSubject: long\r\n one\r\n\
    Content-Type: multipart/mixed; boundary=\"XX\"\r\n\r\npreamble\r\n\
    --XX\r\nContent-Type: text/plain\r\n\r\nsee http://evil.example/x.exe now\r\n\
    --XX\r\nContent-Type: application/x; name=b.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n\
    aGVs\r\nbG8=\r\n\
    --XX\r\nContent-Disposition: attachment; filename=\"p.txt\"\r\n\r\nline 1\r\nline 2\r\n\
    --XX\r\nContent-Disposition: attachment; filename=\"q.txt\"\r\n\
    Content-Transfer-Encoding: quoted-printable\r\n\r\na=3Db=\r\nc\r\n\
    --XX--\r\nepilogue\r\n";

#[test]
fn takes_a_mail_apart() {
    let config = MimeConfig {
        body_md5: true,
        ..MimeConfig::default()
    };
    let outcome = read(&config, &[MAIL.as_bytes()]);
    let expected = [
        ("b.bin", "hello"),
        ("p.txt", "line 1\r\nline 2"),
        ("q.txt", "a=bc"),
    ];
    assert_eq!(outcome.files.len(), expected.len());
    for ((name, data, state), expected) in outcome.files.iter().zip(expected) {
        assert_eq!(
            (name.as_str(), String::from_utf8_lossy(data).as_ref()),
            expected
        );
        assert_eq!(*state, FileState::Closed);
    }
    assert_eq!(outcome.mime.header(b"subject"), Some(&b"longone"[..]));
    assert_eq!(outcome.mime.attachments().len(), 3);
    assert_eq!(outcome.mime.urls(), [b"evil.example/x.exe".to_vec()]);
    assert!(outcome.events.is_empty(), "{:?}", outcome.events);
    let body = MAIL.split_once("\r\n\r\n").unwrap().1;
    let expected: [u8; 16] = Md5::digest(body).into();
    assert_eq!(outcome.mime.body_md5(), Some(&expected));
}

#[test]
fn follows_mails_within_mails() {
    let mail = "Subject: outer\r\nContent-Type: multipart/mixed; boundary=A\r\n\r\n\
        --A\r\nContent-Type: message/rfc822\r\n\r\n\
        Subject: inner\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n\
        --B\r\nContent-Disposition: attachment; filename=m.exe\r\n\r\nMZ\r\n--B--\r\n--A--\r\n";
    let outcome = read(&MimeConfig::default(), &[mail.as_bytes()]);
    assert_eq!(
        outcome.files,
        [("m.exe".into(), b"MZ".to_vec(), FileState::Closed)]
    );
    assert_eq!(outcome.mime.header(b"subject"), Some(&b"outer"[..]));
}

#[test]
fn tells_what_is_odd() {
    let check = |mail: String, expected: &[&str]| {
        assert_eq!(
            read(&MimeConfig::default(), &[mail.as_bytes()]).events,
            expected
        );
    };
    check(
        format!("{}: x\r\n", "n".repeat(76)),
        &["mime_long_header_name"],
    );
    check(
        format!("a: {}\r\n", "v".repeat(2001)),
        &["mime_long_line", "mime_long_header_value"],
    );
    check(
        format!("Content-Type: a/b; name={}\r\n\r\n", "n".repeat(300)),
        &["mime_long_filename"],
    );
    check(
        format!("Content-Type: a/b; boundary={}\r\n\r\n", "n".repeat(255)),
        &["mime_long_boundary"],
    );
    check(
        "Content-Transfer-Encoding: base64\r\n\r\n=abc\r\n".to_owned(),
        &["mime_invalid_base64"],
    );
    check(
        "Content-Type: a/b; name=x\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=xy\r\n"
            .to_owned(),
        &["mime_invalid_qp"],
    );
}

proptest! {
    #[test]
    fn any_split_gives_the_same_parts(cut in 0usize..MAIL.len(), more in 0usize..MAIL.len()) {
        let (first, last) = (cut.min(more), cut.max(more));
        let data = MAIL.as_bytes();
        let config = MimeConfig::default();
        let whole = read(&config, &[data]);
        let parts = read(&config, &[&data[..first], &data[first..last], &data[last..]]);
        prop_assert_eq!(whole.files, parts.files);
        prop_assert_eq!(whole.mime.urls(), parts.mime.urls());
    }

    #[test]
    fn any_bytes_are_survived(tokens in proptest::collection::vec(0usize..9, 0..40)) {
        const TOKENS: [&str; 9] = [
            "\r\n", "--B", "--", "Content-Type: multipart/x; boundary=B\r\n", " x\r\n",
            "Content-Disposition: a; filename=f\r\n", "Content-Transfer-Encoding: base64\r\n",
            "aGVsbG8", "Content-Type: message/rfc822\r\n",
        ];
        let mail: String = tokens.iter().map(|t| TOKENS[*t]).collect();
        read(&MimeConfig::default(), &[mail.as_bytes()]);
    }
}
