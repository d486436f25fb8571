//! A keytab file copied into MIT krb5's memory, by the Kerberos library below its GSS-API: what a
//! server does that does not want the file opened and locked for each token.

use super::{Credential, Gss, Handle};
use libloading::Symbol;
use std::ffi::{CString, c_char};
use std::ptr::null_mut;

type Init = unsafe extern "C" fn(*mut Handle) -> i32;
type Resolve = unsafe extern "C" fn(Handle, *const c_char, *mut Handle) -> i32;
type Walk = unsafe extern "C" fn(Handle, Handle, *mut Handle) -> i32;
type Next = unsafe extern "C" fn(Handle, Handle, *mut Entry, *mut Handle) -> i32;
type Add = unsafe extern "C" fn(Handle, Handle, *mut Entry) -> i32;
type FreeEntry = unsafe extern "C" fn(Handle, *mut Entry) -> i32;

/// A `krb5_keytab_entry`, which nothing here looks into: 48 octets where pointers have eight.
#[repr(C)]
struct Entry([u64; 8]);

impl Gss {
    /// The credential of this file's keys under this name of their own, held in memory as long as
    /// the process runs, and with them what `krb5.conf` says.
    ///
    /// # Panics
    /// It is not MIT's library, or the file has no keys.
    pub fn credential_in_memory(&self, file: &str, name: &str) -> Credential {
        let name = format!("MEMORY:{name}");
        let [from, to] = [file, &name].map(|name| CString::new(name).expect("no NUL"));
        let mut copied = 0;
        // SAFETY: the functions have the types that MIT's `krb5.h` gives them; all handles are
        // this library's and used by this thread; an entry is written by the library before it
        // is read or freed. The context and the keytab in memory stay open.
        unsafe {
            let init: Symbol<'_, Init> = self.krb5(b"krb5_init_context\0");
            let resolve: Symbol<'_, Resolve> = self.krb5(b"krb5_kt_resolve\0");
            let begin: Symbol<'_, Walk> = self.krb5(b"krb5_kt_start_seq_get\0");
            let next: Symbol<'_, Next> = self.krb5(b"krb5_kt_next_entry\0");
            let add: Symbol<'_, Add> = self.krb5(b"krb5_kt_add_entry\0");
            let free: Symbol<'_, FreeEntry> = self.krb5(b"krb5_free_keytab_entry_contents\0");
            let end: Symbol<'_, Walk> = self.krb5(b"krb5_kt_end_seq_get\0");
            let mut context = null_mut();
            assert_eq!(init(&mut context), 0, "krb5_init_context");
            let [from, to] = [from, to].map(|name| {
                let mut keytab = null_mut();
                let code = resolve(context, name.as_ptr(), &mut keytab);
                assert_eq!(code, 0, "krb5_kt_resolve: {name:?}");
                keytab
            });
            let (mut cursor, mut entry) = (null_mut(), Entry([0; 8]));
            assert_eq!(begin(context, from, &mut cursor), 0, "a keytab: {file}");
            while next(context, from, &mut entry, &mut cursor) == 0 {
                assert_eq!(add(context, to, &mut entry), 0, "krb5_kt_add_entry");
                free(context, &mut entry);
                copied += 1;
            }
            end(context, from, &mut cursor);
        }
        assert!(copied > 0, "{file} has keys");
        self.credential_of(&name)
    }

    /// # Safety
    /// The symbol has this type.
    unsafe fn krb5<T>(&self, name: &[u8]) -> Symbol<'_, T> {
        // SAFETY: the caller's.
        let found = unsafe { self.library.get(name) };
        found.unwrap_or_else(|error| panic!("{}: {error}", String::from_utf8_lossy(name)))
    }
}
