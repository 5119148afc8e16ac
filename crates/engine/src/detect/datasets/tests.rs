use super::*;

fn dataset(command: DatasetCommand, name: &str, kind: &str) -> Dataset {
    Dataset {
        name: name.into(),
        command,
        kind: Some(kind.into()),
        load: None,
        save: None,
        state: None,
        options: Vec::new(),
    }
}

fn sets(file: &'static str) -> Datasets {
    Datasets::new(Box::new(move |name, _| {
        Ok((name == "f").then(|| file.as_bytes().to_vec()))
    }))
}

fn loaded(command: DatasetCommand, kind: &str) -> Dataset {
    Dataset {
        load: Some("f".into()),
        ..dataset(command, "s", kind)
    }
}

fn holds(one: &Use, data: &[u8]) -> bool {
    one.holds(data, &mut Vec::new())
}

fn check(kind: &str, file: &'static str, data: &[u8], expected: bool) {
    let one = sets(file)
        .open(&loaded(DatasetCommand::IsSet, kind), None)
        .unwrap();
    assert_eq!(holds(&one, data), expected, "{kind} {file}");
    let one = sets(file)
        .open(&loaded(DatasetCommand::IsNotSet, kind), None)
        .unwrap();
    assert_eq!(holds(&one, data), !expected, "{kind} {file}");
}

#[test]
fn finds_what_a_file_holds() {
    check("string", "Zm9v\nYmFy\n", b"bar", true);
    check("string", "Zm9v\nYmFy", b"baz", false);
    check("md5", "1d5920f4b44b27a802bd77c4f0536f5a\n", &[0; 16], false);
    check("md5", "00000000000000000000000000000001\n", b"short", false);
    check("ipv4", "10.0.0.1\n", &[10, 0, 0, 1], true);
    check("ip", "10.0.0.1\n", &[10, 0, 0, 1], true);
    check("ip", "::ffff:10.0.0.1\n", &[10, 0, 0, 1], true);
    check("ip", "::1\n", &std::net::Ipv6Addr::LOCALHOST.octets(), true);
}

fn check_refused(dataset: &Dataset, file: &'static str, reason: &str) {
    let refusal = sets(file).open(dataset, None).unwrap_err();
    assert!(refusal.reason.contains(reason), "{refusal}");
}

#[test]
fn refuses_broken_files_and_options() {
    let is_set = DatasetCommand::IsSet;
    check_refused(&loaded(is_set, "string"), "Zm9;v\n", "bad base64 encoding");
    check_refused(&loaded(is_set, "string"), "Zm9v\nYmFy,1\n", "Cannot mix");
    check_refused(&loaded(is_set, "md5"), "1d,1\n", "bad hash");
    check_refused(
        &loaded(is_set, "string"),
        "Zm9v,65536\n",
        "invalid datarep value",
    );
    check_refused(&loaded(is_set, "pear"), "", "bad type");
    check_refused(
        &Dataset {
            kind: None,
            ..dataset(is_set, "s", "md5")
        },
        "",
        "not defined",
    );
    let option = |key: &str, value: &str| Dataset {
        options: vec![(key.into(), value.into())],
        ..loaded(is_set, "string")
    };
    check_refused(&option("key", "ip"), "", "unknown option");
    check_refused(&option("context_key", "ip"), "", "JSON formats");
    check_refused(&option("memcap", "10"), "Zm9v\n", "too large");
}

#[test]
fn sets_unsets_and_saves() {
    let all = sets("");
    let state = |command| Dataset {
        state: Some("f2".into()),
        ..dataset(command, "s", "string")
    };
    let set = all.open(&state(DatasetCommand::Set), None).unwrap();
    let unset = all
        .open(
            &Dataset {
                kind: None,
                ..dataset(DatasetCommand::Unset, "S", "")
            },
            None,
        )
        .unwrap();
    assert!(holds(&set, b"foo"));
    assert!(!holds(&set, b"foo"));
    assert!(holds(&set, b"bar"));
    assert!(holds(&unset, b"foo"));
    assert!(!holds(&unset, b"foo"));
    assert!(!holds(&set, b""));
    let mut saved = Vec::new();
    all.save(|file, bytes| saved.push((file.to_owned(), bytes.to_vec())));
    assert_eq!(saved, [("f2".to_owned(), b"YmFy\n".to_vec())]);
}

#[test]
fn writes_addresses_in_full() {
    let all = sets("");
    let saved = |name: &str, kind| Dataset {
        save: Some(name.into()),
        ..dataset(DatasetCommand::Set, name, kind)
    };
    let both = all.open(&saved("a", "ip"), None).unwrap();
    assert!(holds(
        &both,
        &"4:5::6".parse::<std::net::Ipv6Addr>().unwrap().octets()
    ));
    assert!(holds(&both, &[1, 2, 3, 4]));
    let mut text = Vec::new();
    all.save(|_, bytes| text.extend_from_slice(bytes));
    assert_eq!(text, b"0004:0005:0000:0000:0000:0000:0000:0006\n1.2.3.4\n");
}

#[test]
fn compares_reputations() {
    let all = sets("Zm9v,255\nYmFy,100\n");
    let one = all
        .open(
            &loaded(DatasetCommand::IsSet, "string"),
            Some(Compare::Greater(200)),
        )
        .unwrap();
    assert!(holds(&one, b"foo"));
    assert!(!holds(&one, b"bar"));
    assert!(!holds(&one, b"baz"));
}

fn check_context(format: &str, options: &[(&str, &str)], file: &'static str, expected: &str) {
    let mut set = loaded(DatasetCommand::IsSet, "string");
    set.options = [
        ("format", format),
        ("value_key", "a.host"),
        ("context_key", "k"),
    ]
    .iter()
    .chain(options)
    .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
    .collect();
    let one = sets(file).open(&set, None).unwrap();
    let mut contexts = Vec::new();
    assert!(one.holds(b"x.com", &mut contexts));
    assert_eq!(contexts, [(Arc::from("k"), Arc::from(expected))]);
}

#[test]
fn tells_the_context_of_a_value() {
    let lines = "{\"a\":{\"host\":\"x.com\"},\"year\":2005}\n{\"b\":1}\n";
    check_context(
        "ndjson",
        &[],
        lines,
        r#"{"a":{"host":"x.com"},"year":2005}"#,
    );
    let array = r#"{"t": [{"a": {"host": "x.com"}}, {"a": {"host": "x.com"}, "second": 1}]}"#;
    check_context(
        "json",
        &[("array_key", "t")],
        array,
        r#"{"a":{"host":"x.com"}}"#,
    );
}

#[test]
fn matches_below_a_domain() {
    let mut set = loaded(DatasetCommand::IsSet, "string");
    set.options = vec![("match".into(), "subdomain".into())];
    let one = sets("LmV2aWwuY29t\n").open(&set, None).unwrap();
    assert!(holds(&one, b".evil.com"));
    assert!(holds(&one, b".www.evil.com"));
    assert!(!holds(&one, b".notevil.com"));
}
