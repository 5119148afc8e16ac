//! Working space of a thread, shared by all sets that it scans with.

use crate::Error;
use std::ptr;
use vectorscan_rs_sys as hs;

/// Working space for scans; grows to what the sets used with it need.
#[derive(Debug)]
pub struct Scratch {
    pub(crate) raw: *mut hs::hs_scratch_t,
    /// Sets it is large enough for, one bit for each set's serial number.
    fits: Vec<u64>,
}

// SAFETY: the space belongs to this value alone and nothing in it is tied to a thread; vectorscan
// asks only that no two scans use it at once, which `&mut` ensures.
#[allow(unsafe_code)]
unsafe impl Send for Scratch {}

impl Default for Scratch {
    fn default() -> Self {
        Scratch::new()
    }
}

impl Scratch {
    /// Space for nothing yet; the first scan with each set makes it fit.
    #[must_use]
    pub fn new() -> Self {
        Scratch {
            raw: ptr::null_mut(),
            fits: Vec::new(),
        }
    }

    /// Bytes held.
    #[must_use]
    pub fn size(&self) -> usize {
        if self.raw.is_null() {
            return 0;
        }
        let mut size = 0;
        // SAFETY: `raw` is not null, so it came from `hs_alloc_scratch` and was not freed.
        #[allow(unsafe_code)]
        let code = unsafe { hs::hs_scratch_size(self.raw, &mut size) };
        if code == hs::HS_SUCCESS as i32 {
            size
        } else {
            0
        }
    }

    /// Makes it large enough for the set `serial` with `database`.
    ///
    /// `database` must be a live database: the callers in this crate pass the one a set owns.
    pub(crate) fn fit(
        &mut self,
        serial: usize,
        database: *const hs::hs_database_t,
    ) -> Result<(), Error> {
        let (word, bit) = (serial / 64, 1_u64 << (serial % 64));
        if self.fits.get(word).is_some_and(|bits| bits & bit != 0) {
            return Ok(());
        }
        // SAFETY: `database` is live (see above); `raw` is null or came from an earlier call, which
        // frees or keeps it and writes the one that is valid from now on.
        #[allow(unsafe_code)]
        let code = unsafe { hs::hs_alloc_scratch(database, &mut self.raw) };
        if code != hs::HS_SUCCESS as i32 {
            // vectorscan may have freed the old space: nothing fits any more.
            self.raw = ptr::null_mut();
            self.fits.clear();
            return Err(Error::Scratch(code));
        }
        if self.fits.len() <= word {
            self.fits.resize(word + 1, 0);
        }
        self.fits[word] |= bit;
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.raw.is_null() {
            // SAFETY: `raw` came from `hs_alloc_scratch`, and no scan is using it while it is dropped.
            #[allow(unsafe_code)]
            unsafe {
                hs::hs_free_scratch(self.raw);
            }
        }
    }
}
