//! Certificates of roles on other machines: which were taken back, and which follows which.
//!
//! A new certificate takes the place of the old one when it is first shown: until then the old one holds, so that an
//! answer that was lost on its way locks no machine out.

use std::collections::BTreeMap;
use std::time::Duration;

use event::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Auth, Principal, Refusal};

/// Where it stands in the state.
const NAME: &str = "console/certificates";
/// Longer than any certificate of a role holds (30 days): what is over needs no list.
const KEPT: Duration = Duration::from_secs(40 * 86_400);
/// Certificates on the list; some hundred machines renew theirs every twenty days.
const MOST: usize = 4_096;
/// Tries to write what others write at the same moment.
const TRIES: usize = 8;

/// What is kept, by serial number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Register {
    /// Those that are refused, and since when.
    revoked: BTreeMap<String, Timestamp>,
    /// New ones that were not shown yet: the old one, and when it was renewed.
    follows: BTreeMap<String, (String, Timestamp)>,
}

impl Register {
    fn tidy(&mut self, now: Timestamp) {
        self.revoked.retain(|_, since| now.since(*since) < KEPT);
        self.follows
            .retain(|_, (_, since)| now.since(*since) < KEPT);
    }

    /// The certificate is shown; true where something changed by it.
    fn shown(&mut self, serial: &str, now: Timestamp) -> bool {
        match self.follows.remove(serial) {
            None => false,
            Some((old, _)) => {
                self.revoked.insert(old, now);
                true
            }
        }
    }
}

impl Auth {
    /// Whether a role that showed a certificate of ours may come in with it.
    ///
    /// # Errors
    /// It was taken back, or the state fails.
    pub async fn admit_machine(&self, who: &Principal, now: Timestamp) -> Result<(), Refusal> {
        let serial = who.reference.as_deref().unwrap_or_default();
        let (register, _) = self.register().await?;
        if register.revoked.contains_key(serial) {
            tracing::warn!(target: "auth", who = who.name, certificate = serial, "a certificate that was taken back was shown");
            return Err(Refusal::Unknown("this certificate was taken back"));
        }
        if register.follows.contains_key(serial) {
            self.change(now, |register| register.shown(serial, now))
                .await?;
            tracing::info!(target: "auth", who = who.name, certificate = serial, "a new certificate took the place of the old one");
        }
        Ok(())
    }

    /// A machine was given a new certificate: the old one ends when the new one is shown.
    ///
    /// # Errors
    /// The state fails; too many wait to be shown.
    pub async fn certificate_follows(
        &self,
        old: &str,
        new: &str,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        self.change(now, |register| {
            // Asked again before the new one was used: the one before is of no use any more.
            register.follows.retain(|_, (known, _)| known != old);
            register
                .follows
                .insert(new.to_owned(), (old.to_owned(), now));
            true
        })
        .await
    }

    /// Takes a certificate of a machine back.
    ///
    /// # Errors
    /// The state fails; too many were taken back.
    pub async fn revoke_certificate(
        &self,
        by: &Principal,
        serial: &str,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let serial = serial.to_ascii_lowercase();
        self.change(now, |register| {
            register.revoked.insert(serial.clone(), now).is_none()
        })
        .await?;
        tracing::info!(target: "auth", who = by.name, certificate = serial, "a certificate was taken back");
        Ok(())
    }

    async fn register(&self) -> Result<(Register, u64), Refusal> {
        let Some((text, version)) = self.state().kv().get(NAME).await? else {
            return Ok((Register::default(), 0));
        };
        // What can't be read may say that somebody is to be refused.
        let read = serde_json::from_str(&text);
        let failed =
            |error| Refusal::Failed(format!("the list of certificates can't be read: {error}"));
        Ok((read.map_err(failed)?, version))
    }

    async fn change(
        &self,
        now: Timestamp,
        change: impl Fn(&mut Register) -> bool,
    ) -> Result<(), Refusal> {
        for _ in 0..TRIES {
            let (mut register, version) = self.register().await?;
            register.tidy(now);
            if !change(&mut register) {
                return Ok(());
            }
            if register.revoked.len() > MOST || register.follows.len() > MOST {
                return Err(Refusal::Bad(format!(
                    "more than {MOST} certificates are on the list"
                )));
            }
            // Texts and times: writing them can't fail.
            let text = serde_json::to_string(&register).unwrap_or_default();
            if self.state().kv().swap(NAME, version, &text, now).await? {
                return Ok(());
            }
        }
        Err(Refusal::Unavailable(
            "others change the list of certificates: try again",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_certificate_ends_when_the_new_one_is_shown() {
        let at = |days: i64| Timestamp::new(days * 86_400, 0);
        let mut register = Register::default();
        register
            .follows
            .insert("new".to_owned(), ("old".to_owned(), at(1)));
        assert!(!register.shown("old", at(2)));
        assert!(register.revoked.is_empty());
        assert!(register.shown("new", at(2)));
        assert_eq!(register.revoked.keys().collect::<Vec<_>>(), ["old"]);
        assert!(!register.shown("new", at(3)));
        register.tidy(at(41));
        assert_eq!(register.revoked.len(), 1);
        register.tidy(at(43));
        assert_eq!(register, Register::default());
    }
}
