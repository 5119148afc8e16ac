//! The country of an address, from a database in MaxMind's format.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use maxminddb::Reader;

/// A database of countries, or none. Clones are the same.
#[derive(Clone, Debug)]
pub struct Countries(Option<Arc<Reader<Vec<u8>>>>);

impl Countries {
    /// Opens it; one that can't be read is told, and no country is known.
    #[must_use]
    pub fn open(path: Option<&Path>) -> Countries {
        let Some(path) = path else {
            return Countries(None);
        };
        match Reader::open_readfile(path) {
            Ok(reader) => Countries(Some(Arc::new(reader))),
            Err(error) => {
                tracing::warn!("console.web.countries: {}: {error}", path.display());
                Countries(None)
            }
        }
    }

    /// The ISO 3166 code of an address's country.
    #[must_use]
    pub fn of(&self, address: &str) -> Option<String> {
        let address: IpAddr = address.parse().ok()?;
        let found = self.0.as_ref()?.lookup(address).ok()?;
        let record: maxminddb::geoip2::Country<'_> = found.decode().ok()??;
        record.country.iso_code.map(str::to_owned)
    }
}
