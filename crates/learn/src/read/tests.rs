//! Files as people have them: what becomes of each, and what is told of broken ones.

use super::*;
use crate::table::Kind;

fn read(text: &str) -> Result<(Table, Report), Error> {
    lines("flows.csv", text.as_bytes(), &Options::default())
}

fn mapped(mapping: &str, text: &str) -> Result<(Table, Report), Error> {
    let options = Options {
        mapping: Some(Mapping::parse("map.yaml", mapping)?),
        ..Options::default()
    };
    lines("flows.csv", text.as_bytes(), &options)
}

fn classes(table: &Table) -> Vec<Option<&str>> {
    let name = |row: &crate::table::Row| {
        let class = row.class?;
        table.classes.get(usize::from(class)).map(String::as_str)
    };
    table.rows.iter().map(name).collect()
}

fn names(table: &Table) -> Vec<&str> {
    table
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect()
}

#[test]
fn cic_files_of_all_years_have_the_columns_of_the_engine() {
    let old = "Destination Port, Flow Duration, Total Fwd Packets,Flow IAT Mean,Flow Bytes/s,\
        Fwd Header Length,Fwd Header Length.1, Label\n\
        443,10,2,3,Infinity,40,40,BENIGN\n\
        80,10,2,3,NaN,40,40,DoS Hulk\n";
    let new = "Dst Port,Protocol,Timestamp,Flow Duration,Tot Fwd Pkts,Flow IAT Mean,Flow Byts/s,\
        Fwd Header Len,Label\n\
        22,6,14/02/2018 08:31:01,10,2,3,1.5,40,Benign\n\
        Dst Port,Protocol,Timestamp,Flow Duration,Tot Fwd Pkts,Flow IAT Mean,Flow Byts/s,Fwd Header Len,Label\n\
        22,6,14/02/2018 08:31:02,10,2,3,1.5,40,SSH-Bruteforce\n";
    let (table, report) = read(old).unwrap();
    assert_eq!(
        names(&table),
        [
            "Dst Port",
            "Flow Duration",
            "Total Fwd Packet",
            "Flow IAT Mean",
            "Flow Bytes/s",
            "Fwd Header Length"
        ]
    );
    assert_eq!(
        (table.columns[0].kind, table.values(0)[0]),
        (Kind::Category, 1.0)
    );
    assert_eq!(classes(&table), [Some("normal"), Some("DoS Hulk")]);
    assert_eq!(
        (report.missing, report.bad, report.format.as_str()),
        (2, 0, "cic")
    );
    let (newer, report) = read(new).unwrap();
    assert_eq!(classes(&newer), [Some("normal"), Some("SSH-Bruteforce")]);
    assert_eq!((report.bad, report.first_bad[0].line), (1, 3));
    assert_eq!(newer.rows[1].at_us - newer.rows[0].at_us, 1_000_000);
    let both = join(vec![table, newer]).unwrap();
    assert_eq!(
        names(&both),
        [
            "Dst Port",
            "Flow Duration",
            "Total Fwd Packet",
            "Flow IAT Mean",
            "Flow Bytes/s",
            "Fwd Header Length"
        ]
    );
    assert_eq!(
        (both.len(), both.rows[3].source, both.sources.len()),
        (4, 1, 2)
    );
    assert_eq!(both.classes, ["normal", "DoS Hulk", "SSH-Bruteforce"]);
}

#[test]
fn nsl_kdd_is_read_with_and_without_difficulty_and_as_arff() {
    let zeros = "0,".repeat(37);
    let row = format!("0,tcp,http,SF,{zeros}neptune");
    let (table, _) = read(&format!("{row}\n0,udp,dns,SF,{zeros}normal\n")).unwrap();
    assert_eq!(
        (table.columns.len(), classes(&table)),
        (41, vec![Some("neptune"), Some("normal")])
    );
    let (harder, report) = read(&format!("{row},21\n")).unwrap();
    assert_eq!(
        (harder.columns.len(), report.skipped),
        (41, vec!["difficulty".to_owned()])
    );
    let attributes: String = table
        .columns
        .iter()
        .map(|column| format!("@attribute '{}' real\n", column.name))
        .collect();
    let arff = format!(
        "@relation 'KDD'\n{attributes}@attribute 'class' {{'normal','anomaly'}}\n@data\n{row}\n"
    );
    let (same, _) = read(&arff).unwrap();
    assert_eq!(
        (names(&same), classes(&same)),
        (names(&table), vec![Some("neptune")])
    );
    let families = Options {
        has_families: true,
        ..Options::default()
    };
    let (table, _) = lines("x", row.as_bytes(), &families).unwrap();
    assert_eq!(classes(&table), [Some("dos")]);
}

#[test]
fn unsw_nb15_raw_has_the_columns_of_its_partition() {
    let part = "id,dur,proto,service,state,spkts,dpkts,sbytes,rate,stcpb,attack_cat,label\n\
        1,0.5,udp,-,INT,2,0,496,2,123,Normal,0\n2,0.5,tcp,http,FIN,2,0,496,2,123,Exploits,1\n";
    let (table, report) = read(part).unwrap();
    assert_eq!(
        names(&table),
        [
            "dur", "proto", "service", "state", "spkts", "dpkts", "sbytes", "rate"
        ]
    );
    assert_eq!(report.skipped, ["id", "stcpb"]);
    assert_eq!(classes(&table), [Some("normal"), Some("Exploits")]);
    let raw = "59.166.0.0,1390,149.171.126.6,0x35,udp,CON,0.5,132,164,31,29,0,0,dns,500473.9,621800.9,2,2,0,0,\
        0,0,66,82,0,0,0,0,1421927414,1421927414,0.017,0.013,0,0,0,0,0,,0, ,3,7,1,3,1,1,1, Backdoors ,1\n";
    let (raw, _) = read(raw).unwrap();
    assert_eq!(classes(&raw), [Some("Backdoor")]);
    let rate = names(&raw).iter().position(|name| *name == "rate").unwrap();
    assert_eq!(
        (raw.values(0)[rate], raw.rows[0].at_us),
        (6.0, 1_421_927_414_000_000)
    );
    assert_eq!(raw.hosts, ["59.166.0.0"]);
    assert!(names(&table).iter().all(|name| names(&raw).contains(name)));
}

#[test]
fn ctu_13_and_iot_23_are_known_by_their_columns() {
    let ctu = "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts,TotBytes,SrcBytes,Label\n\
        2011/08/10 09:46:53.047277,3550.1,udp,212.50.71.179,39678,  <->,147.32.84.229,13363,CON,0,0,12,875,413,flow=Background-UDP\n\
        2011/08/10 09:46:54.047277,1,tcp,147.32.84.165,39678,  ->,147.32.84.229,0x0050,S_,0,,12,875,413,flow=From-Botnet-V42-TCP-Attempt\n";
    let (table, report) = read(ctu).unwrap();
    assert_eq!(classes(&table), [None, Some("Botnet TCP-Attempt")]);
    assert_eq!((report.unlabelled, table.hosts.len()), (1, 2));
    let zeek = "#separator \\x09\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tresp_bytes\tconn_state\tlocal_orig\tlocal_resp\tmissed_bytes\thistory\torig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes\ttunnel_parents   label   detailed-label\n\
        #types\ttime\tstring\n\
        1525879831.015811\tCUmr\t192.168.100.103\t51524\t65.127.233.163\t23\ttcp\t-\t2.999051\t0\t0\tS0\t-\t-\t0\tS\t3\t180\t0\t0\t(empty)   Malicious   PartOfAHorizontalPortScan\n\
        1525879832.015811\tCUms\t192.168.100.103\t51525\t65.127.233.163\t123\tudp\tntp\t-\t-\t-\tS0\t-\t-\t0\tD\t1\t76\t0\t0\t-   benign   -\n\
        #close\t2018-09-19-00-00-00\n";
    let (table, report) = read(zeek).unwrap();
    assert_eq!(
        classes(&table),
        [Some("PartOfAHorizontalPortScan"), Some("normal")]
    );
    assert_eq!((report.bad, report.rows, table.hosts.len()), (0, 2, 1));
}

#[test]
fn a_mapping_file_describes_any_other_file() {
    let mapping = "time: when\nhost: who\nlabel: verdict\nnormal: [ok]\nunlabelled: [dunno]\n\
        ports: [port]\nskip: [note]\nrename: {bytes: Total Length of Fwd Packet}\n";
    let text = "when;who;port;bytes;colour;note;verdict\n\
        2026-01-01 00:00:00;a;22;10;red;x;ok\n2026-01-01 00:00:01;b;53;20;blue;y;scan\n\
        2026-01-01 00:00:02;b;53;20;blue;y;dunno\n";
    let (table, report) = mapped(mapping, text).unwrap();
    assert_eq!(
        names(&table),
        ["port", "Total Length of Fwd Packet", "colour"]
    );
    assert_eq!(classes(&table), [Some("normal"), Some("scan"), None]);
    assert_eq!(
        (table.hosts.len(), report.skipped),
        (2, vec!["note".to_owned()])
    );
}

#[test]
fn what_is_wrong_is_told_with_file_line_and_reason() {
    let cic = "Flow Duration,Flow IAT Mean,Label\n";
    let broken: String = (0..50).map(|_| "1,2\n").collect();
    for (text, expected) in [
        (String::new(), "flows.csv: no flows".to_owned()),
        (cic.to_owned(), "flows.csv: no flows".to_owned()),
        (
            "a,b\n1,2\n".to_owned(),
            "flows.csv: line 1: these columns are of no known format; name the format (cic, unsw-nb15, nsl-kdd, \
             ctu-13, iot-23, eve) or describe the columns in a mapping file"
                .to_owned(),
        ),
        (
            format!("{cic}{broken}"),
            "flows.csv: 50 of 50 lines can't be read, the first is line 2: 2 cells where 3 columns are".to_owned(),
        ),
    ] {
        assert_eq!(read(&text).unwrap_err().to_string(), expected);
    }
    let named = Options {
        format: Some(Format::Unsw),
        ..Options::default()
    };
    let error = lines("flows.csv", "a,b\n1,2\n".as_bytes(), &named).unwrap_err();
    assert_eq!(
        error.to_string(),
        "flows.csv: line 1: no column dur, proto, sbytes"
    );
    let error = mapped("label: kind\nnormal: [ok]\n", "a,b\n1,2\n").unwrap_err();
    assert_eq!(error.to_string(), "flows.csv: line 1: no column kind");
    let error = mapped("label: kind\n", "a\n").unwrap_err();
    assert!(
        error.to_string().starts_with("map.yaml: `label` is there"),
        "{error}"
    );
    let error = mapped("lable: kind\n", "a\n").unwrap_err();
    assert!(
        error.to_string().contains("unknown field `lable`"),
        "{error}"
    );
    assert!(files(&["/nonexistent"], &Options::default()).is_err());
}

#[test]
fn single_bad_lines_are_counted_and_the_rest_is_read() {
    let mut text = "Flow Duration,Flow IAT Mean,Label\n".to_owned();
    for n in 0..300 {
        text.push_str(&format!("{n},1,BENIGN\n"));
    }
    text.push_str("x,1,BENIGN\n1,1\n");
    text.push_str(&"9".repeat(MAX_LINE + 10));
    text.push_str("\n7,1,BENIGN\n");
    let (table, report) = read(&text).unwrap();
    assert_eq!((table.len(), report.bad), (301, 3));
    assert_eq!(report.first_bad[0].why, "Flow Duration: \"x\" is no number");
    assert_eq!(report.first_bad[2].line, 304);
    assert_eq!(table.rows[300].line, 305);
}

mod hostile {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn no_bytes_make_a_reader_fail_otherwise_than_by_its_errors(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = lines("x", bytes.as_slice(), &Options::default());
            let mut cic = b"Flow Duration,Flow IAT Mean,Timestamp,Protocol,Label\n".to_vec();
            cic.extend(bytes);
            if let Ok((table, report)) = lines("x", cic.as_slice(), &Options::default()) {
                prop_assert_eq!(table.len() as u64, report.rows);
            }
        }
    }
}

mod eve {
    use super::*;

    const KNOWN: [(&str, bool); 4] = [
        ("Dst Port", false),
        ("Protocol", false),
        ("Flow Duration", false),
        ("TLS ALPN", true),
    ];

    fn options(alerted: Alerted) -> Options {
        Options {
            known: KNOWN.to_vec(),
            alerted,
            ..Options::default()
        }
    }

    fn read(text: &str, options: &Options) -> Result<(Table, Report), Error> {
        lines("eve.json", text.as_bytes(), options)
    }

    /// A flow of host 10.0.0.`host` that ends at this hour and second.
    fn flow(id: u64, host: u8, hour: u32, second: u32) -> String {
        format!(
            "{{\"timestamp\":\"2026-01-01T{hour:02}:00:{second:02}.000000+0000\",\"flow_id\":{id},\
             \"event_type\":\"flow\",\"src_ip\":\"10.0.0.{host}\",\"dest_ip\":\"192.0.2.1\",\"dest_port\":443,\
             \"proto\":\"TCP\",\"ratel\":{{\"features\":{{\"Flow Duration\":{id},\"TLS ALPN\":\"h2\"}}}}}}\n"
        )
    }

    fn alert(id: u64, host: u8, hour: u32) -> String {
        format!(
            "{{\"timestamp\":\"2026-01-01T{hour:02}:30:00.000000+0000\",\"flow_id\":{id},\"event_type\":\"alert\",\
             \"src_ip\":\"192.0.2.1\",\"dest_ip\":\"10.0.0.{host}\",\"direction\":\"to_client\",\
             \"alert\":{{\"signature_id\":1,\"category\":\"Trojan\"}}}}\n"
        )
    }

    #[test]
    fn flow_records_are_rows_in_the_order_of_time() {
        let text = [
            "{\"timestamp\":\"x\",\"event_type\":\"dns\"}\n".to_owned(),
            flow(2, 1, 3, 5),
            "\n".to_owned(),
            flow(1, 2, 3, 4).replace("\":", "\": "),
            "{\"event_type\":\"flow\",\"ratel\":{\"capture\":\"c\",\"features\":{}}}\n".to_owned(),
            "{\"event_type\":\"flow\"}\n".to_owned(),
        ]
        .concat();
        let (table, report) = read(&text, &options(Alerted::LeaveOut)).unwrap();
        assert_eq!(
            names(&table),
            ["Dst Port", "Protocol", "Flow Duration", "TLS ALPN"]
        );
        let values: Vec<&[f32]> = (0..2).map(|row| &table.values(row)[2..]).collect();
        assert_eq!(values, [[1.0, 0.0], [2.0, 0.0]]);
        assert_eq!(table.hosts, ["10.0.0.2", "10.0.0.1"]);
        let known: Vec<_> = table.rows.iter().map(|row| (row.host, row.line)).collect();
        assert_eq!(known, [(Some(0), 4), (Some(1), 2)]);
        assert_eq!((report.rows, report.bad, report.unlabelled), (2, 0, 2));
        assert_eq!(report.format, "eve");
        assert_eq!(report.left_out.without_features, 1);
        assert_eq!(report.left_out.of_captures, 1);
    }

    #[test]
    fn a_flow_that_the_end_of_the_program_ended_has_the_time_of_its_last_packet() {
        let more = |record: String, more: &str| record.replace("\"proto\"", more);
        let text = [
            more(
                flow(1, 1, 9, 0),
                "\"flow\":{\"end\":\"2026-01-01T02:00:00.000000+0000\",\"reason\":\"shutdown\"},\"proto\"",
            ),
            flow(2, 1, 1, 0),
            more(
                flow(3, 1, 3, 0),
                "\"flow\":{\"end\":\"2026-01-01T02:00:00.000000+0000\",\"reason\":\"timeout\"},\"proto\"",
            ),
            more(flow(4, 2, 3, 0), "\"flow\":{\"alerted\":true},\"proto\""),
        ]
        .concat();
        let (table, report) = read(&text, &options(Alerted::LeaveOut)).unwrap();
        let rows: Vec<f32> = (0..table.len()).map(|row| table.values(row)[2]).collect();
        assert_eq!(rows, [2.0, 1.0, 3.0]);
        assert_eq!(table.rows[1].at_us, table.rows[0].at_us + 3_600_000_000);
        assert_eq!(report.left_out.alerted, 1);
    }

    #[test]
    fn records_that_come_newest_first_make_the_same_rows() {
        let newest_first = Options {
            is_newest_first: true,
            ..options(Alerted::Keep)
        };
        let records = [flow(1, 1, 1, 1), flow(2, 2, 1, 1), flow(3, 1, 2, 0)];
        let (one, _) = read(&records.concat(), &options(Alerted::Keep)).unwrap();
        let turned: String = records.into_iter().rev().collect();
        let (other, _) = read(&turned, &newest_first).unwrap();
        assert_eq!((&one.rows, &one.hosts), (&other.rows, &other.hosts));
        for row in 0..3 {
            assert_eq!(one.values(row)[2..], other.values(row)[2..]);
        }
    }

    #[test]
    fn what_is_under_an_alert_does_not_teach_what_is_normal() {
        let text = [
            flow(1, 1, 2, 0),
            flow(2, 1, 3, 0),
            flow(3, 1, 4, 0),
            flow(4, 1, 5, 0),
            flow(5, 2, 3, 0),
            flow(6, 1, 9, 0),
            alert(6, 1, 3),
        ]
        .concat();
        let check = |alerted, kept: &[(f32, Option<&str>)], left_out: (u64, u64)| {
            let (table, report) = read(&text, &options(alerted)).unwrap();
            let rows: Vec<_> = (0..table.len())
                .map(|row| table.values(row)[2])
                .zip(classes(&table))
                .collect();
            let mut rows = rows;
            rows.sort_by(|a, b| a.0.total_cmp(&b.0));
            assert_eq!(rows, kept, "{alerted:?}");
            let told = (report.left_out.alerted, report.left_out.of_alerted_hosts);
            assert_eq!(told, left_out, "{alerted:?}");
        };
        check(
            Alerted::LeaveOut,
            &[(1.0, None), (4.0, None), (5.0, None)],
            (1, 2),
        );
        let normal = Some("normal");
        check(
            Alerted::Attack,
            &[
                (1.0, normal),
                (4.0, normal),
                (5.0, normal),
                (6.0, Some("Trojan")),
            ],
            (0, 2),
        );
        let all = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0].map(|id| (id, None));
        check(Alerted::Keep, &all, (0, 0));
    }

    #[test]
    fn what_began_in_the_hour_of_an_alert_does_not_teach_however_late_it_ends() {
        let since = |record: String, hour: u32| {
            let start = format!(
                "\"flow\":{{\"start\":\"2026-01-01T{hour:02}:50:00.000000+0000\"}},\"proto\""
            );
            record.replace("\"proto\"", &start)
        };
        let nameless = flow(6, 4, 9, 0)
            .replace("\"flow_id\":6", "\"flow_id\":\"six\"")
            .replace("\"proto\"", "\"flow\":{\"alerted\":true},\"proto\"");
        let text = [
            since(flow(1, 1, 12, 0), 3),
            since(flow(2, 1, 12, 0), 1),
            since(flow(3, 1, 12, 0), 5),
            since(flow(4, 1, 3, 0), 2),
            since(flow(5, 2, 12, 0), 3),
            nameless,
            alert(99, 1, 3),
        ]
        .concat();
        let (table, report) = read(&text, &options(Alerted::LeaveOut)).unwrap();
        let mut rows: Vec<f32> = (0..table.len()).map(|row| table.values(row)[2]).collect();
        rows.sort_by(f32::total_cmp);
        assert_eq!(rows, [3.0, 5.0]);
        let told = (report.left_out.alerted, report.left_out.of_alerted_hosts);
        assert_eq!(told, (1, 3));
    }

    #[test]
    fn what_is_no_flow_with_features_is_told() {
        let check = |text: &str, expected: &str| {
            let error = read(text, &options(Alerted::LeaveOut)).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        };
        check(
            "{\"event_type\":\"flow\"}\n{\"event_type\":\"flow\",\"ratel\":{}}\n",
            "eve.json: 2 flow records and none with features; `ratel read --flow-features`",
        );
        check("{\"event_type\":\"dns\"}\n", "eve.json: no flows");
        check("{\"a\":1}\n", "the first is line 1: no event_type");
        check("{\"event_type\":\"flow\"\n", "the first is line 1: no JSON");
        check(
            "{\"event_type\":\"flow\",\"src_ip\":\"x\",\"ratel\":{\"features\":{}}}\n",
            "line 1: a flow without timestamp or src_ip",
        );
        check(
            &[alert(1, 1, 3), flow(1, 1, 3, 0)].concat(),
            "all 1 flows are of hosts under an alert",
        );
        let unknown = lines("x", flow(1, 1, 1, 1).as_bytes(), &Options::default());
        assert!(unknown.unwrap_err().to_string().contains("nobody said"));
    }

    #[test]
    fn a_long_record_of_another_kind_is_passed_over() {
        let long = "x".repeat(MAX_LINE * 2);
        let text = [
            flow(1, 1, 1, 1),
            format!("{{\"event_type\":\"http\",\"body\":\"{long}\"}}\n"),
            alert(7, 9, 1).replace("Trojan", &long),
            flow(2, 1, 1, 2),
        ]
        .concat();
        let (table, report) = read(&text, &options(Alerted::LeaveOut)).unwrap();
        assert_eq!((table.len(), report.bad), (2, 0));
    }
}
