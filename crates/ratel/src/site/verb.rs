//! `ratel config check|show|schema`.

use super::{PATH, Site};
use crate::up::answer;
use anyhow::{Result, bail};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// What stands in place of a secret.
const HIDDEN: &str = "(hidden)";
/// Keys whose values are secrets.
const SECRETS: [&str; 4] = ["password", "key", "api_key", "secret"];

/// `ratel config …`.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Say whether the configuration and the playbooks it names can be used.
    Check(File),
    /// Print what is in force: the file, the environment on top, defaults for the rest.
    Show(File),
    /// Print the JSON schema of the configuration, for editors.
    Schema,
}

/// Which configuration.
#[derive(Debug, clap::Args)]
pub struct File {
    /// The configuration.
    #[arg(value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Does it.
pub fn run(verb: &Verb) -> Result<ExitCode> {
    let text = match verb {
        Verb::Check(file) => check(file)?,
        Verb::Show(file) => {
            let mut tree = serde_yaml_ng::to_value(Site::read(file.config.as_deref())?)?;
            hide(&mut tree);
            serde_yaml_ng::to_string(&tree)?
        }
        Verb::Schema => serde_json::to_string_pretty(&schemars::schema_for!(Site))? + "\n",
    };
    // A reader that went away has seen enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(ExitCode::SUCCESS)
}

fn check(file: &File) -> Result<String> {
    let site = Site::read(file.config.as_deref())?;
    site.sensor.check()?;
    respond::feeds::config::check(&site.feeds)?;
    site.store.check()?;
    site.alert.policy()?;
    site.alert.homes()?;
    alert::notify::check(&site.alert.notify())?;
    site.console.web.auth.check()?;
    site.console.web.tls.check()?;
    let mut refusals = Vec::new();
    let mut taken = 0;
    for (name, text) in answer::config::playbooks(&site.respond.playbooks)? {
        let (playbooks, refused) = respond::playbook::read(&name, &text);
        taken += playbooks.len();
        refusals.extend(refused.iter().map(ToString::to_string));
    }
    if !refusals.is_empty() {
        bail!("{}", refusals.join("; "));
    }
    let name = match &file.config {
        Some(path) => path.display().to_string(),
        None if PathBuf::from(PATH).exists() => PATH.to_owned(),
        None => format!("no {PATH}, defaults"),
    };
    Ok(format!("{name}: good; {taken} playbooks\n"))
}

/// Secrets are not printed.
fn hide(tree: &mut serde_yaml_ng::Value) {
    match tree {
        serde_yaml_ng::Value::Mapping(all) => {
            for (key, value) in all.iter_mut() {
                let is_secret = key.as_str().is_some_and(|key| SECRETS.contains(&key));
                if is_secret && value.is_string() {
                    *value = serde_yaml_ng::Value::String(HIDDEN.to_owned());
                } else if let Some(url) = value.as_str().and_then(without_login) {
                    *value = serde_yaml_ng::Value::String(url);
                } else {
                    hide(value);
                }
            }
        }
        serde_yaml_ng::Value::Sequence(all) => all.iter_mut().for_each(hide),
        _ => {}
    }
}

/// An address of the web without the user's name and password in it; None where there are none.
fn without_login(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (_, host) = authority.rsplit_once('@')?;
    Some(format!("{scheme}://{HIDDEN}@{host}{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_can_be_read_again_and_has_no_secrets() {
        let mut tree = serde_yaml_ng::to_value(Site::default()).expect("a tree");
        hide(&mut tree);
        let text = serde_yaml_ng::to_string(&tree).expect("text");
        let again: Site = serde_yaml_ng::from_str(&text).expect("it is read");
        assert_eq!(again.sensor, Site::default().sensor);
        let mut tree =
            serde_yaml_ng::from_str("a: [{name: x, key: secret}]\npassword: p").expect("a tree");
        hide(&mut tree);
        let text = serde_yaml_ng::to_string(&tree).expect("text");
        assert_eq!(text, "a:\n- name: x\n  key: (hidden)\npassword: (hidden)\n");
        let url = without_login("https://u:p@example.org/list@1");
        assert_eq!(url.as_deref(), Some("https://(hidden)@example.org/list@1"));
        assert_eq!(without_login("https://example.org/a@b"), None);
    }

    #[test]
    fn the_schema_knows_every_section() {
        let schema = serde_json::to_value(schemars::schema_for!(Site)).expect("a schema");
        let tree = serde_json::to_value(Site::default()).expect("a tree");
        let known = schema["properties"].as_object().expect("properties");
        for section in tree.as_object().expect("sections").keys() {
            assert!(known.contains_key(section), "{section}");
        }
    }
}
