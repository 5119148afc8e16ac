//! A set of literals: compiled, stored, read back, looked for.

use crate::{Error, Scratch, envelope};
use std::ffi::{CStr, c_char, c_int, c_uint, c_ulonglong, c_void};
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::{AtomicUsize, Ordering};
use vectorscan_rs_sys as hs;

/// Longest literal; vectorscan's own limit of a pattern (`Grey::limitPatternLength`).
pub const MAX_LITERAL_LEN: usize = 16_000;

/// One thing to look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Literal<'a> {
    /// The bytes, 1 to [`MAX_LITERAL_LEN`].
    pub bytes: &'a [u8],
    /// Whether ASCII letters match in either case.
    pub is_nocase: bool,
    /// Number told when it is found; several literals may share one.
    pub id: u32,
}

/// Literals that are looked for together.
#[derive(Debug)]
pub struct LiteralSet {
    /// None for the empty set, which vectorscan does not know.
    database: Option<Database>,
    /// Tells a scratch which set it was grown for; never used twice.
    serial: usize,
    count: u32,
}

/// Owns what vectorscan compiled.
#[derive(Debug)]
struct Database(NonNull<hs::hs_database_t>);

// SAFETY: a database is never changed after it was made; vectorscan documents that any number of
// threads may scan with it at once, each with its own scratch.
#[allow(unsafe_code)]
unsafe impl Send for Database {}
// SAFETY: as above.
#[allow(unsafe_code)]
unsafe impl Sync for Database {}

impl Drop for Database {
    fn drop(&mut self) {
        // SAFETY: the pointer came from vectorscan and is freed only here.
        #[allow(unsafe_code)]
        unsafe {
            hs::hs_free_database(self.0.as_ptr());
        }
    }
}

static NEXT_SERIAL: AtomicUsize = AtomicUsize::new(0);

impl LiteralSet {
    /// Compiles `literals`; none gives a set that finds nothing.
    pub fn compile(literals: &[Literal<'_>]) -> Result<Self, Error> {
        for literal in literals {
            if literal.bytes.is_empty() {
                return Err(Error::EmptyLiteral { id: literal.id });
            }
            if literal.bytes.len() > MAX_LITERAL_LEN {
                return Err(Error::LongLiteral {
                    id: literal.id,
                    len: literal.bytes.len(),
                });
            }
        }
        let count = u32::try_from(literals.len())
            .map_err(|_| Error::Compile("more than 2^32 literals".into()))?;
        let database = if literals.is_empty() {
            None
        } else {
            Some(compile(literals, count)?)
        };
        Ok(LiteralSet::new(database, count))
    }

    /// Number of literals.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether it finds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.database.is_none()
    }

    /// Bytes held.
    #[must_use]
    pub fn size(&self) -> usize {
        let Some(database) = &self.database else {
            return 0;
        };
        let mut size = 0;
        // SAFETY: the database is live as long as `self`.
        #[allow(unsafe_code)]
        let code = unsafe { hs::hs_database_size(database.0.as_ptr(), &mut size) };
        if code == hs::HS_SUCCESS as i32 {
            size
        } else {
            0
        }
    }

    /// Calls `found` with the id of each literal in `data` and the offset after its last byte, until
    /// `found` returns false. Each literal is told once, in no order to rely on.
    pub fn scan<F>(&self, data: &[u8], scratch: &mut Scratch, mut found: F) -> Result<(), Error>
    where
        F: FnMut(u32, usize) -> bool,
    {
        let Some(database) = &self.database else {
            return Ok(());
        };
        let Ok(len) = c_uint::try_from(data.len()) else {
            return Err(Error::Scan(hs::HS_INVALID));
        };
        if len == 0 {
            return Ok(());
        }
        scratch.fit(self.serial, database.0.as_ptr())?;
        // SAFETY: the database is live; `data` holds `len` bytes; the scratch was made to fit this
        // database and `&mut` keeps others from it; `on_match::<F>` gets the pointer to an `F` that
        // outlives the call.
        #[allow(unsafe_code)]
        let code = unsafe {
            hs::hs_scan(
                database.0.as_ptr(),
                data.as_ptr().cast::<c_char>(),
                len,
                0,
                scratch.raw,
                Some(on_match::<F>),
                ptr::from_mut(&mut found).cast::<c_void>(),
            )
        };
        if code == hs::HS_SUCCESS as i32 || code == hs::HS_SCAN_TERMINATED {
            Ok(())
        } else {
            Err(Error::Scan(code))
        }
    }

    /// The compiled set as bytes to store, for this version of vectorscan and this kind of CPU.
    pub fn serialize(&self) -> Result<Vec<u8>, Error> {
        let Some(database) = &self.database else {
            return Ok(envelope::wrap(0, &[]));
        };
        let mut bytes = ptr::null_mut();
        let mut len = 0;
        // SAFETY: the database is live, and both results are written before they are read.
        #[allow(unsafe_code)]
        let code = unsafe { hs::hs_serialize_database(database.0.as_ptr(), &mut bytes, &mut len) };
        if code != hs::HS_SUCCESS as i32 || bytes.is_null() {
            return Err(Error::Stored("vectorscan can't store it"));
        }
        // SAFETY: on success `bytes` points to `len` bytes made by malloc, as no allocator was set;
        // they are copied before they are freed.
        #[allow(unsafe_code)]
        unsafe {
            let stored = envelope::wrap(self.count, slice::from_raw_parts(bytes.cast(), len));
            free(bytes.cast());
            Ok(stored)
        }
    }

    /// Reads what [`LiteralSet::serialize`] gave. Damage is found by length and checksum (ours and
    /// vectorscan's own), another version or CPU by vectorscan.
    pub fn deserialize(stored: &[u8]) -> Result<Self, Error> {
        let (count, body) = envelope::unwrap(stored)?;
        if count == 0 {
            return Ok(LiteralSet::new(None, 0));
        }
        let mut database = ptr::null_mut();
        // SAFETY: `body` holds as many bytes as told; vectorscan checks its own header, length,
        // version, platform and CRC, and our checksum says that it is what it once wrote.
        #[allow(unsafe_code)]
        let code =
            unsafe { hs::hs_deserialize_database(body.as_ptr().cast(), body.len(), &mut database) };
        match (code, NonNull::new(database)) {
            (0, Some(database)) => Ok(LiteralSet::new(Some(Database(database)), count)),
            (hs::HS_DB_VERSION_ERROR, _) => Err(Error::Stored("made by another version")),
            (hs::HS_DB_PLATFORM_ERROR, _) => Err(Error::Stored("made for another CPU")),
            _ => Err(Error::Stored("vectorscan refuses it")),
        }
    }

    fn new(database: Option<Database>, count: u32) -> Self {
        let serial = NEXT_SERIAL.fetch_add(1, Ordering::Relaxed);
        LiteralSet {
            database,
            serial,
            count,
        }
    }
}

/// Version of the library underneath: part of the key of what is cached.
#[must_use]
pub fn version() -> &'static str {
    // SAFETY: gives a pointer to a constant string with an end.
    #[allow(unsafe_code)]
    let text = unsafe { CStr::from_ptr(hs::hs_version()) };
    text.to_str().unwrap_or("unknown")
}

#[allow(unsafe_code)]
unsafe extern "C" {
    /// C's `free`: what vectorscan hands out by malloc is given back by it.
    fn free(pointer: *mut c_void);
}

fn compile(literals: &[Literal<'_>], count: u32) -> Result<Database, Error> {
    let pointers: Vec<*const c_char> = literals.iter().map(|l| l.bytes.as_ptr().cast()).collect();
    let lens: Vec<usize> = literals.iter().map(|l| l.bytes.len()).collect();
    let ids: Vec<c_uint> = literals.iter().map(|l| l.id).collect();
    let flags: Vec<c_uint> = literals
        .iter()
        .map(|l| hs::HS_FLAG_SINGLEMATCH | if l.is_nocase { hs::HS_FLAG_CASELESS } else { 0 })
        .collect();
    let mut database = ptr::null_mut();
    let mut error = ptr::null_mut();
    // SAFETY: the four arrays hold `count` items each, the pointers `lens` bytes each, and all live
    // until the call returns; results are written before they are read.
    #[allow(unsafe_code)]
    let code = unsafe {
        hs::hs_compile_lit_multi(
            pointers.as_ptr(),
            flags.as_ptr(),
            ids.as_ptr(),
            lens.as_ptr(),
            count,
            hs::HS_MODE_BLOCK,
            ptr::null(),
            &mut database,
            &mut error,
        )
    };
    match (code, NonNull::new(database)) {
        (0, Some(database)) => Ok(Database(database)),
        _ => Err(Error::Compile(take_message(error))),
    }
}

fn take_message(error: *mut hs::hs_compile_error_t) -> String {
    if error.is_null() {
        return "no reason given".into();
    }
    // SAFETY: vectorscan gave the error; its message is null or a string with an end, and it is
    // copied before the error is freed, once.
    #[allow(unsafe_code)]
    unsafe {
        let message = (*error).message;
        let text = if message.is_null() {
            "no reason given".into()
        } else {
            CStr::from_ptr(message).to_string_lossy().into_owned()
        };
        hs::hs_free_compile_error(error);
        text
    }
}

#[allow(unsafe_code)]
unsafe extern "C" fn on_match<F: FnMut(u32, usize) -> bool>(
    id: c_uint,
    _from: c_ulonglong,
    to: c_ulonglong,
    _flags: c_uint,
    context: *mut c_void,
) -> c_int {
    // SAFETY: `scan` passes a pointer to an `F` that lives through the scan and is used by nothing
    // else meanwhile.
    let found = unsafe { &mut *context.cast::<F>() };
    c_int::from(!found(id, to as usize))
}

#[cfg(test)]
mod tests;
