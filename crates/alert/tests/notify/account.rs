//! A service account of Google's, with a key of the test's own.

use serde_json::json;

/// A key of its own for the test; None, with a line that says so, where openssl is not installed.
pub fn key() -> Option<String> {
    let args = [
        "genpkey",
        "-algorithm",
        "RSA",
        "-pkeyopt",
        "rsa_keygen_bits:2048",
    ];
    match std::process::Command::new("openssl").args(args).output() {
        Ok(made) if made.status.success() => String::from_utf8(made.stdout).ok(),
        _ => {
            eprintln!("skipped: openssl is not installed");
            None
        }
    }
}

pub fn account_of(key: &str, token_uri: &str) -> tempfile::NamedTempFile {
    let account = tempfile::NamedTempFile::new().unwrap();
    let file = json!({
        "type": "service_account", "client_email": "ratel@example.iam.gserviceaccount.com",
        "private_key": key, "private_key_id": "k1", "token_uri": token_uri,
    });
    std::fs::write(account.path(), file.to_string()).unwrap();
    account
}

/// A service account's file with a key of its own.
pub fn account(token_uri: &str) -> Option<tempfile::NamedTempFile> {
    Some(account_of(&key()?, token_uri))
}
