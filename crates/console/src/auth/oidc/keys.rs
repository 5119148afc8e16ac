//! The provider's keys (RFC 7517), and its signatures held against them. The key decides which algorithm it is for.

use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde::Deserialize;

use crate::auth::jws;

/// Keys of one provider: it has a few.
const MOST: usize = 64;

/// The provider's keys.
#[derive(Debug, Default)]
pub(super) struct Keys(Vec<Jwk>);

#[derive(Clone, Debug, Deserialize)]
struct Jwk {
    kty: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default, rename = "use")]
    purpose: Option<String>,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default)]
    crv: Option<String>,
    #[serde(default)]
    n: Option<String>,
    #[serde(default)]
    e: Option<String>,
    #[serde(default)]
    x: Option<String>,
    #[serde(default)]
    y: Option<String>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    crit: Option<serde_json::Value>,
}

impl Keys {
    /// Reads a set of keys; those of kinds that we do not know are left out.
    pub fn read(text: &[u8]) -> Result<Keys, String> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<serde_json::Value>,
        }
        let set: Set = serde_json::from_slice(text).map_err(|error| format!("keys: {error}"))?;
        let keys = set.keys.into_iter().take(MOST);
        let keys = keys.filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
        Ok(Keys(
            keys.filter(|key| key.purpose.as_deref() != Some("enc"))
                .collect(),
        ))
    }

    /// Whether there is a key by the name that the token names.
    pub fn has_key_for(&self, token: &str) -> bool {
        header(token).is_some_and(|header| self.fitting(&header).next().is_some())
    }

    fn fitting<'k>(&'k self, header: &'k Header) -> impl Iterator<Item = &'k Jwk> {
        self.0.iter().filter(move |key| {
            let kind = match header.alg.as_str() {
                "RS256" => key.kty == "RSA",
                "ES256" => key.kty == "EC" && key.crv.as_deref() == Some("P-256"),
                "EdDSA" => key.kty == "OKP" && key.crv.as_deref() == Some("Ed25519"),
                _ => false,
            };
            let is_named = header.kid.is_none() || header.kid == key.kid;
            kind && is_named && key.alg.as_ref().is_none_or(|alg| *alg == header.alg)
        })
    }

    /// The payload of a token that one of these keys signed.
    pub fn verify(&self, token: &str) -> Result<Vec<u8>, &'static str> {
        let header = header(token).ok_or("the token is none")?;
        if header.crit.is_some() {
            return Err("the token asks for what we do not know");
        }
        let parts = jws::parts(token).ok_or("the token is none")?;
        let signed = parts.signed.as_bytes();
        let is_good = self
            .fitting(&header)
            .any(|key| key.verify(signed, &parts.signature).is_some());
        is_good
            .then_some(parts.payload)
            .ok_or("the signature is wrong")
    }
}

fn header(token: &str) -> Option<Header> {
    let parts = jws::parts(token)?;
    serde_json::from_slice(&jws::decode(parts.header)?).ok()
}

impl Jwk {
    fn verify(&self, signed: &[u8], signature: &[u8]) -> Option<()> {
        let number = |text: &Option<String>| jws::decode(text.as_deref()?);
        match self.kty.as_str() {
            "RSA" => {
                let (n, e) = (number(&self.n)?, number(&self.e)?);
                // A number does not begin with zeros (RFC 7518, 6.3.1.1); some write one all the same.
                let n: Vec<u8> = n.into_iter().skip_while(|byte| *byte == 0).collect();
                RsaPublicKeyComponents { n, e }
                    .verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature)
                    .ok()
            }
            "EC" => {
                let mut point = vec![4];
                point.extend(number(&self.x)?);
                point.extend(number(&self.y)?);
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                    .verify(signed, signature)
                    .ok()
            }
            "OKP" => UnparsedPublicKey::new(&ED25519, number(&self.x)?)
                .verify(signed, signature)
                .ok(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key and a token that OpenSSL made; the other half of the key is gone.
    const N: &str = "31CzvKMi43PxHe9fwposTaPvvr7SFyNjLbQuc2zUpHSG466wPJ0SdQqu9mHy3uf7yjSy4OpdvRT8V5f0bfqBLlP9Alx-3dq88rvm4IOocP945JJg6Iad07XskK1dM75tzfDR4oYcyi_x04bh7QgWEvcHQ6PWtICve39YpU5X9NPGTScwr6AAFHvqqvb4Xgfx2ad2wlTwBrSRKlHYxuFBSgCfg78FgAlviWsHg_ecCaGZ8Om3khpZqbD2wAN3p5TYWhG5vhxedcVlYX-YIyCJZ2RaPbP1rDa9zBl4e9HxT4CuKcDDIjGnCdfnS8ze1Jj8BE8MlM9UAwoueMICXKJ1pQ";
    const TOKEN: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6InIifQ.eyJzdWIiOiI3In0.U5lZuuVMH8i1qVSTwCXoPfYtaaXs-Vhf6TooWBRnCV9GThKvD05-Tfi8jrWv2xfZK-ueH26LXjANjZTmJKYNNvuZG04nZS5hWuoPqIaAsbqkmC_-jvwud7II3QrPrn5I_T_ZOLZQGEUf64rYdvbK-UbYy_d4D6Loz9-FzToOrqRUztqhkZfDVnLm1lX6E4xPSAXm2YuHvwtM77n_yIFIzaaj53Cmtfqbzn7xz6ROzNXMYhLa_8kagw8_S_85TItOar470YUZYGK3IijkKIdnWQaGofFuLXMVynH8ZsgWbgTQAVIVxOQz4uZsn_quedHU2EZCsL7c-Rx7xNNid8l3Xg";

    fn keys(kid: &str, purpose: &str) -> Keys {
        let text = format!(
            r#"{{"keys":[{{"kty":"RSA","kid":"{kid}","use":"{purpose}","alg":"RS256","n":"{N}","e":"AQAB"}}]}}"#
        );
        Keys::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_token_signed_with_rsa_is_taken_with_the_key_that_it_names_alone() {
        assert_eq!(keys("r", "sig").verify(TOKEN).unwrap(), br#"{"sub":"7"}"#);
        assert!(keys("r", "sig").has_key_for(TOKEN));
        assert!(keys("other", "sig").verify(TOKEN).is_err());
        assert!(!keys("other", "sig").has_key_for(TOKEN));
        assert!(keys("r", "enc").verify(TOKEN).is_err());
        let changed = TOKEN.replacen("eyJzdWIiOiI3In0", "eyJzdWIiOiI4In0", 1);
        assert_ne!(changed, TOKEN);
        assert!(keys("r", "sig").verify(&changed).is_err());
    }

    #[test]
    fn what_the_token_asks_for_does_not_choose_the_algorithm() {
        let (_, rest) = TOKEN.split_once('.').unwrap();
        for header in [
            r#"{"alg":"none"}"#,
            r#"{"alg":"HS256","kid":"r"}"#,
            r#"{"alg":"ES256","kid":"r"}"#,
            r#"{"alg":"RS256","kid":"r","crit":["b64"]}"#,
        ] {
            let token = format!("{}.{rest}", jws::encode(header.as_bytes()));
            assert!(keys("r", "sig").verify(&token).is_err(), "{header}");
        }
        assert!(Keys::read(b"{}").is_err());
    }
}
