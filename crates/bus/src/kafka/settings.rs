//! Our settings as librdkafka's.

use rdkafka::ClientConfig;

use crate::Error;
use crate::config::{Kafka, Mechanism, Sasl};

/// What producers, consumers and the administration share.
pub fn client(kafka: &Kafka) -> Result<ClientConfig, Error> {
    let mut client = ClientConfig::new();
    client
        .set("bootstrap.servers", kafka.brokers.join(","))
        .set("client.id", "ratel")
        .set("socket.nagle.disable", "true")
        .set("socket.keepalive.enable", "true")
        .set("reconnect.backoff.max.ms", "2000")
        // What librdkafka has to say comes through `tracing`, not to the terminal.
        .set("log_level", "4");
    let protocol = match (kafka.tls.enabled, kafka.sasl.is_some()) {
        (false, false) => "plaintext",
        (true, false) => "ssl",
        (false, true) => "sasl_plaintext",
        (true, true) => "sasl_ssl",
    };
    client.set("security.protocol", protocol);
    if kafka.tls.enabled {
        tls(&mut client, kafka);
    }
    if let Some(sasl) = &kafka.sasl {
        client
            .set("sasl.mechanisms", mechanism(sasl.mechanism))
            .set("sasl.username", &sasl.username)
            .set("sasl.password", password(sasl)?);
    }
    Ok(client)
}

fn tls(client: &mut ClientConfig, kafka: &Kafka) {
    let tls = &kafka.tls;
    client
        .set("enable.ssl.certificate.verification", "true")
        .set("ssl.endpoint.identification.algorithm", "https");
    match &tls.ca_file {
        Some(file) => client.set("ssl.ca.location", file.to_string_lossy()),
        // Looks where distributions keep theirs.
        None => client.set("ssl.ca.location", "probe"),
    };
    if let Some(file) = &tls.cert_file {
        client.set("ssl.certificate.location", file.to_string_lossy());
    }
    if let Some(file) = &tls.key_file {
        client.set("ssl.key.location", file.to_string_lossy());
    }
}

const fn mechanism(mechanism: Mechanism) -> &'static str {
    match mechanism {
        Mechanism::Plain => "PLAIN",
        Mechanism::ScramSha256 => "SCRAM-SHA-256",
        Mechanism::ScramSha512 => "SCRAM-SHA-512",
    }
}

fn password(sasl: &Sasl) -> Result<String, Error> {
    if let Some(password) = &sasl.password {
        return Ok(password.clone());
    }
    let Some(path) = &sasl.password_file else {
        return Err(Error::Config {
            key: "kafka.sasl",
            why: "neither password_file nor password is set".into(),
        });
    };
    let text = std::fs::read_to_string(path).map_err(|source| Error::Io {
        what: "read",
        path: path.clone(),
        source,
    })?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    fn check(text: &str, expected: &[(&str, Option<&str>)]) {
        let config: Config = serde_json::from_str(text).unwrap();
        let client = client(&config.kafka).unwrap();
        for (key, value) in expected {
            assert_eq!(client.get(key), *value, "{key}");
        }
    }

    #[test]
    fn encryption_and_a_password_go_to_the_client() {
        check(
            r#"{"kafka": {"brokers": ["a:1", "b:2"]}}"#,
            &[
                ("bootstrap.servers", Some("a:1,b:2")),
                ("security.protocol", Some("plaintext")),
                ("sasl.mechanisms", None),
            ],
        );
        check(
            r#"{"kafka": {"tls": {"enabled": true, "ca_file": "/ca", "cert_file": "/c", "key_file": "/k"}}}"#,
            &[
                ("security.protocol", Some("ssl")),
                ("ssl.ca.location", Some("/ca")),
                ("ssl.certificate.location", Some("/c")),
                ("ssl.key.location", Some("/k")),
                ("ssl.endpoint.identification.algorithm", Some("https")),
            ],
        );
        check(
            r#"{"kafka": {"tls": {"enabled": true}, "sasl": {"username": "u", "password": "p"}}}"#,
            &[
                ("security.protocol", Some("sasl_ssl")),
                ("ssl.ca.location", Some("probe")),
                ("sasl.mechanisms", Some("SCRAM-SHA-512")),
                ("sasl.username", Some("u")),
                ("sasl.password", Some("p")),
            ],
        );
    }

    #[test]
    fn a_password_comes_from_the_first_line_of_its_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "secret\n\n").unwrap();
        let mut sasl: Sasl = serde_json::from_str(r#"{"username": "u"}"#).unwrap();
        assert!(password(&sasl).is_err());
        sasl.password_file = Some(file.path().to_owned());
        assert_eq!(password(&sasl).unwrap(), "secret");
    }
}
