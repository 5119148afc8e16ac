//! Access tokens: short, signed with Ed25519 (RFC 8037), for this console alone.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::{PoisonError, RwLock};

use event::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use super::{Error, jws, secret};

/// Who signs.
const ISSUER: &str = "ratel";
/// Whom a token is for: one for something else is none.
const AUDIENCE: &str = "ratel-api";
/// The key's file.
const FILE: &str = "access.key";
/// Seconds that clocks of two consoles may differ.
const SKEW: i64 = 5;

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who signed it.
    pub iss: String,
    /// Whom it is for.
    pub aud: String,
    /// The user.
    pub sub: String,
    /// The session that it belongs to: it ends with it.
    pub sid: String,
    /// The user's generation: it ends when the user is changed.
    #[serde(rename = "gen")]
    pub generation: u64,
    /// When it was made, in seconds.
    pub iat: i64,
    /// From when it holds.
    pub nbf: i64,
    /// When it ends.
    pub exp: i64,
}

/// Why a token is not taken. For the log: the one who asks hears no more than that it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It is no token of ours: another form, another algorithm, another header.
    Form,
    /// Its signature is wrong.
    Signature,
    /// It says what a token of ours does not say, or is for something else.
    Claims,
    /// It was one.
    Expired,
    /// It is one later.
    Early,
}

impl Flaw {
    /// For the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Flaw::Form => "form",
            Flaw::Signature => "signature",
            Flaw::Claims => "claims",
            Flaw::Expired => "expired",
            Flaw::Early => "not yet",
        }
    }
}

/// What signs and verifies.
pub struct Signer {
    pair: Ed25519KeyPair,
    header: String,
    /// Of other consoles on the same state: header to public key.
    others: RwLock<BTreeMap<String, Vec<u8>>>,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer")
    }
}

impl Signer {
    /// Reads the key in `folder`, or makes it: mode 0600, and never over one that stands there.
    ///
    /// # Errors
    /// The folder can't be written to, the file holds no key, others may read it.
    pub fn open(folder: &Path) -> Result<Signer, Error> {
        let path = folder.join(FILE);
        let failed = |what, cause: &dyn std::fmt::Display| Error::Key {
            what,
            path: path.clone(),
            cause: cause.to_string(),
        };
        if !path.exists() {
            let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
                .map_err(|_| failed("make", &"no random bytes"))?;
            fs::create_dir_all(folder).map_err(|error| failed("make the folder of", &error))?;
            // Whole or not at all: written beside it, then linked into place unless another was faster.
            let fresh = folder.join(format!("{FILE}.{}", secret::hex(&secret::bytes::<8>()?)));
            let written = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&fresh)
                .and_then(|mut file| file.write_all(made.as_ref()).and_then(|()| file.sync_all()))
                .and_then(|()| match fs::hard_link(&fresh, &path) {
                    Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
                    linked => linked,
                });
            let _ = fs::remove_file(&fresh);
            written.map_err(|error| failed("write", &error))?;
        }
        let found = fs::metadata(&path).map_err(|error| failed("read", &error))?;
        if found.permissions().mode() & 0o077 != 0 {
            return Err(failed("use", &"others may read it: chmod 600"));
        }
        let bytes = fs::read(&path).map_err(|error| failed("read", &error))?;
        let pair = Ed25519KeyPair::from_pkcs8(&bytes);
        Ok(Signer::of(
            pair.map_err(|_| failed("use", &"it is no key"))?,
        ))
    }

    /// A key that is kept nowhere: for what signs nothing.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn fleeting() -> Result<Signer, Error> {
        let failed = || Error::Failed("no random bytes".to_owned());
        let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| failed())?;
        let pair = Ed25519KeyPair::from_pkcs8(made.as_ref()).map_err(|_| failed())?;
        Ok(Signer::of(pair))
    }

    fn of(pair: Ed25519KeyPair) -> Signer {
        Signer {
            header: header(pair.public_key().as_ref()),
            pair,
            others: RwLock::default(),
        }
    }

    /// The public half, for other consoles to know.
    #[must_use]
    pub fn public(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    /// From now on tokens of these keys are taken too, and of no others but our own.
    pub fn know(&self, keys: impl IntoIterator<Item = Vec<u8>>) {
        let others = keys.into_iter().map(|key| (header(&key), key)).collect();
        *self.others.write().unwrap_or_else(PoisonError::into_inner) = others;
    }

    /// The key of a token with this header.
    fn key_of(&self, header: &str) -> Option<Vec<u8>> {
        if header == self.header {
            return Some(self.public().to_vec());
        }
        let others = self.others.read().unwrap_or_else(PoisonError::into_inner);
        others.get(header).cloned()
    }

    /// A token for a user's session.
    #[must_use]
    pub fn sign(
        &self,
        user: &str,
        sid: &str,
        generation: u64,
        now: Timestamp,
        secs: u64,
    ) -> String {
        let now = now.secs();
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user.to_owned(),
            sid: sid.to_owned(),
            generation,
            iat: now,
            nbf: now,
            exp: now.saturating_add(i64::try_from(secs).unwrap_or(0)),
        };
        // Texts and numbers: writing them can't fail.
        let payload = serde_json::to_vec(&claims).unwrap_or_default();
        let signed = format!("{}.{}", self.header, jws::encode(&payload));
        let signature = self.pair.sign(signed.as_bytes());
        format!("{signed}.{}", jws::encode(signature.as_ref()))
    }

    /// What a token says, where it is one of ours, or of another console on the same state, that holds now. Its header
    /// must be the one that a console writes, letter by letter: there is no algorithm to choose.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, Flaw> {
        let parts = jws::parts(token).ok_or(Flaw::Form)?;
        let key = self.key_of(parts.header).ok_or(Flaw::Form)?;
        let key = UnparsedPublicKey::new(&ED25519, key);
        key.verify(parts.signed.as_bytes(), &parts.signature)
            .map_err(|_| Flaw::Signature)?;
        let claims: Claims = serde_json::from_slice(&parts.payload).map_err(|_| Flaw::Claims)?;
        if claims.iss != ISSUER || claims.aud != AUDIENCE {
            return Err(Flaw::Claims);
        }
        let now = now.secs();
        if now >= claims.exp {
            return Err(Flaw::Expired);
        }
        if now.saturating_add(SKEW) < claims.nbf.max(claims.iat) {
            return Err(Flaw::Early);
        }
        Ok(claims)
    }
}

/// The header that tokens of this key have, encoded. All of it is ours: the key's name is a hash of it.
fn header(public: &[u8]) -> String {
    let mut id = secret::hash(&jws::encode(public));
    id.truncate(16);
    jws::encode(format!(r#"{{"alg":"EdDSA","typ":"JWT","kid":"{id}"}}"#).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::new(secs, 0)
    }

    fn signer() -> Signer {
        let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Signer::of(Ed25519KeyPair::from_pkcs8(made.as_ref()).unwrap())
    }

    #[test]
    fn a_token_holds_from_its_making_to_its_end() {
        let signer = signer();
        let token = signer.sign("ann", "s1", 3, at(1000), 600);
        let check = |now, expected: Result<(), Flaw>| {
            assert_eq!(signer.verify(&token, at(now)).map(drop), expected, "{now}");
        };
        check(994, Err(Flaw::Early));
        check(995, Ok(()));
        check(1000, Ok(()));
        check(1599, Ok(()));
        check(1600, Err(Flaw::Expired));
        let claims = signer.verify(&token, at(1000)).unwrap();
        assert_eq!((claims.sub.as_str(), claims.sid.as_str()), ("ann", "s1"));
        assert_eq!(claims.generation, 3);
    }

    #[test]
    fn no_algorithm_but_ours_is_taken() {
        let signer = signer();
        let token = signer.sign("ann", "s1", 1, at(1000), 600);
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let payload = signed.split_once('.').unwrap().1;
        let with = |header: &str, signature: &str| {
            let header = jws::encode(header.as_bytes());
            signer.verify(&format!("{header}.{payload}.{signature}"), at(1000))
        };
        for header in [
            r#"{"alg":"none"}"#,
            r#"{"alg":"None","typ":"JWT"}"#,
            r#"{"alg":"HS256","typ":"JWT"}"#,
            r#"{"alg":"EdDSA","typ":"JWT"}"#,
            r#"{"alg":"EdDSA","typ":"JWT","jwk":{}}"#,
        ] {
            assert_eq!(with(header, ""), Err(Flaw::Form), "{header}");
            assert_eq!(with(header, signature), Err(Flaw::Form), "{header}");
        }
        // Signed by our own public key as if it were a shared secret.
        let public = signer.pair.public_key().as_ref();
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, public);
        let header = jws::encode(br#"{"alg":"HS256","typ":"JWT"}"#);
        let tag = ring::hmac::sign(&key, format!("{header}.{payload}").as_bytes());
        let forged = format!("{header}.{payload}.{}", jws::encode(tag.as_ref()));
        assert_eq!(signer.verify(&forged, at(1000)), Err(Flaw::Form));
    }

    #[test]
    fn another_key_or_audience_is_refused() {
        let (ours, theirs) = (signer(), signer());
        let token = theirs.sign("ann", "s1", 1, at(1000), 600);
        assert_eq!(ours.verify(&token, at(1000)), Err(Flaw::Form));
        let under_our_header = token.split_once('.').unwrap().1;
        let token = format!("{}.{under_our_header}", ours.header);
        assert_eq!(ours.verify(&token, at(1000)), Err(Flaw::Signature));
        let claims =
            r#"{"iss":"ratel","aud":"else","sub":"a","sid":"s","gen":1,"iat":1,"nbf":1,"exp":9}"#;
        let signed = format!("{}.{}", ours.header, jws::encode(claims.as_bytes()));
        let signature = jws::encode(ours.pair.sign(signed.as_bytes()).as_ref());
        let token = format!("{signed}.{signature}");
        assert_eq!(ours.verify(&token, at(2)), Err(Flaw::Claims));
    }

    #[test]
    fn tokens_of_another_console_are_taken_as_long_as_its_key_is_known() {
        let (ours, theirs) = (signer(), signer());
        let token = theirs.sign("ann", "s1", 1, at(1000), 600);
        ours.know([theirs.public().to_vec()]);
        assert_eq!(ours.verify(&token, at(1000)).unwrap().sub, "ann");
        ours.verify(&ours.sign("bob", "s2", 1, at(1000), 600), at(1000))
            .unwrap();
        // Their header over our signature is neither.
        let own = ours.sign("ann", "s1", 1, at(1000), 600);
        let mixed = format!("{}.{}", theirs.header, own.split_once('.').unwrap().1);
        assert_eq!(ours.verify(&mixed, at(1000)), Err(Flaw::Signature));
        ours.know([b"no key".to_vec()]);
        assert_eq!(ours.verify(&token, at(1000)), Err(Flaw::Form));
    }

    #[test]
    fn the_key_is_made_once_and_nobody_else_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("auth");
        let token = Signer::open(&folder)
            .unwrap()
            .sign("ann", "s", 1, at(1), 60);
        let again = Signer::open(&folder).unwrap();
        again.verify(&token, at(1)).unwrap();
        let path = folder.join(FILE);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(Signer::open(&folder), Err(Error::Key { .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "no key").unwrap();
        assert!(matches!(Signer::open(&folder), Err(Error::Key { .. })));
    }

    proptest! {
        #[test]
        fn a_token_with_any_byte_changed_is_refused(at_byte in 0_usize..400, to in any::<u8>()) {
            let signer = signer();
            let token = signer.sign("ann", "s1", 1, at(1000), 600);
            let mut bytes = token.clone().into_bytes();
            let place = at_byte % bytes.len();
            prop_assume!(bytes[place] != to);
            bytes[place] = to;
            if let Ok(text) = String::from_utf8(bytes) {
                prop_assert!(signer.verify(&text, at(1000)).is_err());
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,200}") {
            prop_assert!(signer().verify(&text, at(1)).is_err());
        }
    }
}
