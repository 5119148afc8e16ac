//! The examples of the manual.

use std::path::Path;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Site {
    alert: alert::Config,
}

#[test]
fn every_example_of_the_manual_can_be_used() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/notify.md");
    let text = std::fs::read_to_string(path).unwrap();
    let mut kinds = std::collections::BTreeSet::new();
    for block in text.split("```yaml\n").skip(1) {
        let block = block.split("```").next().unwrap();
        let site: Site =
            serde_yaml_ng::from_str(block).unwrap_or_else(|why| panic!("{block}\n{why}"));
        let config = site.alert.notify();
        alert::notify::check(&config).unwrap_or_else(|why| panic!("{block}\n{why}"));
        for receiver in &config.receivers {
            kinds.insert(receiver.via().unwrap().name());
            if let Some(webhook) = &receiver.webhook
                && webhook.template.is_some()
            {
                let url = alert::notify::secret::Secret {
                    file: None,
                    env: Some("URL".into()),
                };
                let mut receiver = receiver.clone();
                receiver.webhook.as_mut().unwrap().secret_url = Some(url);
                let mut world = crate::site::world(None);
                world.env = std::sync::Arc::new(|_| Some("http://127.0.0.1:9/".into()));
                let config = alert::notify::Config {
                    receivers: vec![receiver],
                    ..config.clone()
                };
                alert::notify::Notifier::open(&config, &world).unwrap();
            }
        }
    }
    assert_eq!(kinds.len(), 8, "{kinds:?}");
}
