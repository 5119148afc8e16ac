//! Several consoles on one state: each puts the public half of its key there, so that a token of one is taken by all.
//! The half that signs never leaves its host.

use std::collections::BTreeMap;
use std::time::Duration;

use event::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Auth, Refusal, jws};

/// Where the keys stand in the state.
const NAME: &str = "console/access-keys";
/// How often a console says that its key is still used.
const SAID: Duration = Duration::from_secs(86_400);
/// After so long without a word a key is forgotten: tokens hold for an hour at most.
const FORGOTTEN: Duration = Duration::from_secs(3 * 86_400);
/// Keys at once: consoles behind one address, and those that were started anew lately.
const MOST: usize = 64;
/// Tries to write what others write at the same moment.
const TRIES: usize = 8;

/// A key and when its console spoke last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    /// Base64 of the public key.
    key: String,
    said: Timestamp,
}

/// The keys by their Base64, so that each stands once.
type Keys = BTreeMap<String, Timestamp>;

impl Auth {
    /// Puts our public key beside those of other consoles, where it is not there or was told long ago, and learns
    /// theirs. To be called every half minute.
    ///
    /// # Errors
    /// The state fails.
    pub async fn share_keys(&self, now: Timestamp) -> Result<(), Refusal> {
        let own = jws::encode(self.0.signer.public());
        for _ in 0..TRIES {
            let (text, version) = self.state().kv().get(NAME).await?.unwrap_or_default();
            let known = read(&text);
            if known.get(&own).is_some_and(|said| now.since(*said) < SAID) {
                self.learn(&known, &own, now);
                return Ok(());
            }
            let next = with(known, &own, now);
            let text = write(&next);
            if self.state().kv().swap(NAME, version, &text, now).await? {
                self.learn(&next, &own, now);
                return Ok(());
            }
        }
        // Everybody writes at once: the next call finds it quieter.
        Ok(())
    }

    fn learn(&self, known: &Keys, own: &str, now: Timestamp) {
        let others = known
            .iter()
            .filter(|(key, said)| key.as_str() != own && now.since(**said) < FORGOTTEN);
        self.0
            .signer
            .know(others.filter_map(|(key, _)| jws::decode(key)));
    }
}

fn read(text: &str) -> Keys {
    let known: Vec<Known> = serde_json::from_str(text).unwrap_or_default();
    known
        .into_iter()
        .map(|known| (known.key, known.said))
        .collect()
}

fn write(keys: &Keys) -> String {
    let known = keys.iter().map(|(key, said)| Known {
        key: key.clone(),
        said: *said,
    });
    // Texts and times: writing them can't fail.
    serde_json::to_string(&known.collect::<Vec<_>>()).unwrap_or_default()
}

/// These keys with our own, without those that nobody speaks for; of too many those that spoke last.
fn with(mut keys: Keys, own: &str, now: Timestamp) -> Keys {
    keys.insert(own.to_owned(), now);
    keys.retain(|_, said| now.since(*said) < FORGOTTEN);
    let mut newest: Vec<(Timestamp, String)> =
        keys.into_iter().map(|(key, said)| (said, key)).collect();
    newest.sort_unstable_by(|one, other| other.cmp(one));
    newest.truncate(MOST);
    newest.into_iter().map(|(said, key)| (key, said)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_again_and_forgotten() {
        let at = |days: i64| Timestamp::new(days * 86_400, 0);
        let keys = with(Keys::new(), "a", at(10));
        let keys = with(keys, "b", at(12));
        assert_eq!(read(&write(&keys)), keys);
        let keys = with(keys, "c", at(14));
        assert_eq!(keys.keys().collect::<Vec<_>>(), ["b", "c"]);
        let many = (0..200).fold(Keys::new(), |keys, n| {
            with(keys, &format!("k{n:03}"), at(20))
        });
        assert_eq!(many.len(), MOST);
        assert!(read("no list").is_empty());
    }
}
