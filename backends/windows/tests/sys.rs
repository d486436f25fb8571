//! A table of functions that answers as it is told, and keeps count of what
//! it hands out. One per thread, so that tests run beside each other.

#![allow(unsafe_code)]

use core::cell::RefCell;
use core::ffi::c_void;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use windows_sys::Win32::Security::Authentication::Identity::{
    SEC_GET_KEY_FN, SEC_WINNT_AUTH_IDENTITY_EXW, SEC_WINNT_AUTH_IDENTITY_VERSION,
    SECBUFFER_CHANNEL_BINDINGS, SECBUFFER_CHANNEL_BINDINGS_RESULT, SECBUFFER_DATA,
    SECBUFFER_PADDING, SECBUFFER_STREAM, SECBUFFER_TOKEN, SECPKG_ATTR_CLIENT_SPECIFIED_TARGET,
    SECPKG_ATTR_LIFESPAN, SECPKG_ATTR_NAMES, SECPKG_ATTR_NATIVE_NAMES,
    SECPKG_ATTR_NEGOTIATION_INFO, SECPKG_ATTR_PACKAGE_INFO, SECPKG_ATTR_SESSION_KEY,
    SECPKG_ATTR_SIZES, SECPKG_ATTR_STREAM_SIZES, SECPKG_ATTR_UNIQUE_BINDINGS, SecBuffer,
    SecBufferDesc, SecPkgContext_Bindings, SecPkgContext_ClientSpecifiedTarget,
    SecPkgContext_Lifespan, SecPkgContext_NamesW, SecPkgContext_NativeNamesW,
    SecPkgContext_NegotiationInfoW, SecPkgContext_PackageInfoW, SecPkgContext_SessionKey,
    SecPkgContext_Sizes, SecPkgContext_StreamSizes, SecPkgInfoW, SecurityFunctionTableW,
};
use windows_sys::Win32::Security::Credentials::SecHandle;
use windows_sys::Win32::System::Rpc::SEC_WINNT_AUTH_IDENTITY_W;

use super::super::sys::{Sspi, Table};
use super::super::system::{Kind, RawHandle, System};

pub const UNSUPPORTED: u32 = 0x8009_0302;

/// An answer of `AcceptSecurityContext`.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub status: u32,
    /// `None`: the size of the room stays as it was.
    pub token: Option<Vec<u8>>,
    pub attributes: u32,
    pub expiry: i64,
    pub bindings: u32,
    /// No handle is made.
    pub no_context: bool,
}

/// What `AcceptSecurityContext` was given.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub token: Vec<u8>,
    pub bindings: Option<Vec<u8>>,
    pub requirements: u32,
    pub representation: u32,
    pub has_context: bool,
    pub room: usize,
    pub asks_for_result: bool,
}

/// What `AcquireCredentialsHandle` was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acquired {
    pub package: String,
    pub user: Option<String>,
    pub domain: Option<String>,
    pub password: Option<String>,
    pub packages: Option<String>,
}

/// An attribute of a context.
#[derive(Clone, Debug)]
pub enum Attribute {
    Text(&'static str),
    Texts(&'static str, &'static str),
    Bytes(Vec<u8>),
    Times(i64, i64),
    Package(&'static str),
}

pub struct Script {
    pub kind: Kind,
    pub answers: VecDeque<Answer>,
    pub seen: Vec<Seen>,
    pub acquired: Vec<Acquired>,
    pub acquire_status: u32,
    pub attributes: HashMap<u32, Attribute>,
    pub completed: Vec<Vec<u8>>,
    pub complete_status: u32,
    /// Room that `EncryptMessage` and `MakeSignature` need.
    pub needs: usize,
    pub message_status: u32,
    pub data_elsewhere: bool,
    pub qualities: Vec<u32>,
    pub buffer_kinds: Vec<Vec<u32>>,
    pub impersonating: i32,
    pub impersonate_status: u32,
    pub revert_status: u32,
    pub token_status: u32,
    pub user: Option<Vec<u8>>,
    pub groups: Option<Vec<(Vec<u8>, u32)>>,
    pub export_status: u32,
    pub imported: Vec<(String, Vec<u8>)>,
    /// Local time minus universal time, in seconds.
    pub bias: i64,
    live: HashMap<usize, &'static str>,
    /// What is allocated, by its address, and how long it is.
    memory: HashMap<usize, (*mut u64, usize)>,
    next: usize,
    faults: Vec<String>,
    handed_out: usize,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            kind: Kind::Windows { build: 26_100 },
            answers: VecDeque::new(),
            seen: Vec::new(),
            acquired: Vec::new(),
            acquire_status: 0,
            attributes: HashMap::new(),
            completed: Vec::new(),
            complete_status: 0,
            needs: 0,
            message_status: 0,
            data_elsewhere: false,
            qualities: Vec::new(),
            buffer_kinds: Vec::new(),
            impersonating: 0,
            impersonate_status: 0,
            revert_status: 0,
            token_status: UNSUPPORTED,
            user: None,
            groups: None,
            export_status: 0,
            imported: Vec::new(),
            bias: 0,
            live: HashMap::new(),
            memory: HashMap::new(),
            next: 0x1000,
            faults: Vec::new(),
            handed_out: 0,
        }
    }
}

thread_local! {
    static SCRIPT: RefCell<Script> = RefCell::default();
}

/// Reads or changes what the table does.
pub fn script<R>(with: impl FnOnce(&mut Script) -> R) -> R {
    SCRIPT.with_borrow_mut(with)
}

impl Script {
    fn hand_out(&mut self, what: &'static str) -> usize {
        self.next += 16;
        self.handed_out += 1;
        self.live.insert(self.next, what);
        self.next
    }

    fn take_back(&mut self, what: &'static str, id: usize) -> i32 {
        if self.live.remove(&id) == Some(what) {
            return 0;
        }
        self.faults
            .push(format!("{what} {id:x} given back, which nobody has"));
        code(0x8009_0301)
    }

    fn check(&mut self, what: &'static str, id: usize) -> bool {
        let has = self.live.get(&id) == Some(&what);
        if !has {
            self.faults
                .push(format!("{what} {id:x} used, which nobody has"));
        }
        has
    }

    /// Memory that the caller must give back.
    fn allocate(&mut self, bytes: &[u8]) -> *mut c_void {
        let mut memory = vec![0_u64; bytes.len().div_ceil(8) + 1].into_boxed_slice();
        for (index, byte) in bytes.iter().enumerate() {
            memory[index / 8] |= u64::from(*byte) << (index % 8 * 8);
        }
        let length = memory.len();
        // Nobody but the caller touches it from here on, as if the system had allocated it.
        let place: *mut u64 = Box::into_raw(memory).cast();
        self.memory.insert(place.addr(), (place, length));
        self.handed_out += 1;
        place.cast()
    }

    fn text(&mut self, text: &str) -> *mut u16 {
        let units = text.encode_utf16().chain([0]);
        let bytes: Vec<u8> = units.flat_map(u16::to_le_bytes).collect();
        self.allocate(&bytes).cast()
    }

    /// All that was handed out has come back, once.
    pub fn settled(&self) -> usize {
        assert!(self.faults.is_empty(), "{:?}", self.faults);
        assert!(self.live.is_empty(), "not given back: {:?}", self.live);
        assert!(
            self.memory.is_empty(),
            "{} buffers leaked",
            self.memory.len()
        );
        self.handed_out
    }
}

fn code(status: u32) -> i32 {
    status.cast_signed()
}

/// What a pointer and a length say.
unsafe fn bytes_of(buffer: &SecBuffer) -> Vec<u8> {
    if buffer.cbBuffer == 0 {
        return Vec::new();
    }
    // SAFETY: what the caller of the table claims.
    let bytes = unsafe {
        core::slice::from_raw_parts(buffer.pvBuffer.cast::<u8>(), buffer.cbBuffer as usize)
    };
    bytes.to_vec()
}

unsafe fn buffers<'a>(list: *mut SecBufferDesc) -> &'a mut [SecBuffer] {
    // SAFETY: what the caller of the table claims.
    let list = unsafe { list.read() };
    assert_eq!(list.ulVersion, 0);
    // SAFETY: likewise.
    unsafe { core::slice::from_raw_parts_mut(list.pBuffers, list.cBuffers as usize) }
}

unsafe fn write(buffer: &mut SecBuffer, bytes: &[u8]) {
    assert!(bytes.len() <= buffer.cbBuffer as usize, "no room");
    let place = buffer.pvBuffer.cast::<u8>();
    // SAFETY: there is room, as has been checked.
    unsafe { place.copy_from(bytes.as_ptr(), bytes.len()) };
    buffer.cbBuffer = bytes.len() as u32;
}

unsafe fn wide(text: *const u16, length: Option<u32>) -> Option<String> {
    if text.is_null() {
        return None;
    }
    let mut units = Vec::new();
    for index in 0.. {
        if length.is_some_and(|length| index == length as usize) {
            break;
        }
        // SAFETY: within the length, or not behind the zero.
        let unit = unsafe { text.add(index).read_unaligned() };
        if unit == 0 && length.is_none() {
            break;
        }
        units.push(unit);
    }
    Some(String::from_utf16(&units).unwrap())
}

unsafe extern "system" fn find_package(name: *mut u16, info: *mut *mut SecPkgInfoW) -> i32 {
    // SAFETY: a string with its zero.
    let name = unsafe { wide(name, None) }.unwrap();
    if !["Negotiate", "Kerberos", "NTLM"].contains(&name.as_str()) {
        return code(0x8009_0305);
    }
    // SAFETY: a place for the answer.
    unsafe { info.write(package_info(&name)) };
    0
}

/// One allocation with its strings in it, as the documents have it.
fn package_info(name: &str) -> *mut SecPkgInfoW {
    script(|script| {
        let size = size_of::<SecPkgInfoW>();
        let units: Vec<u8> = name
            .encode_utf16()
            .chain([0])
            .flat_map(u16::to_le_bytes)
            .collect();
        let place = script.allocate(&[vec![0; size], units].concat());
        let info: *mut SecPkgInfoW = place.cast();
        // SAFETY: as large, and aligned.
        let text = unsafe { place.byte_add(size) };
        // SAFETY: likewise.
        unsafe {
            info.write(SecPkgInfoW {
                cbMaxToken: 48_000,
                Name: text.cast(),
                Comment: text.cast(),
                ..SecPkgInfoW::default()
            });
        };
        info
    })
}

unsafe extern "system" fn acquire(
    _: *mut u16,
    package: *mut u16,
    usage: u32,
    _: *mut c_void,
    identity: *mut c_void,
    _: SEC_GET_KEY_FN,
    _: *mut c_void,
    handle: *mut SecHandle,
    _: *mut i64,
) -> i32 {
    assert_eq!(usage, 1, "SECPKG_CRED_INBOUND");
    let mut acquired = Acquired {
        // SAFETY: a string with its zero.
        package: unsafe { wide(package, None) }.unwrap(),
        ..Acquired::default()
    };
    if !identity.is_null() {
        // SAFETY: one of the two structures, told apart by the version, which
        // no pointer of a user name is.
        let version = unsafe { identity.cast::<u32>().read() };
        // SAFETY: likewise.
        let all = if version == SEC_WINNT_AUTH_IDENTITY_VERSION {
            unsafe { identity.cast::<SEC_WINNT_AUTH_IDENTITY_EXW>().read() }
        } else {
            // SAFETY: likewise.
            let plain = unsafe { identity.cast::<SEC_WINNT_AUTH_IDENTITY_W>().read() };
            SEC_WINNT_AUTH_IDENTITY_EXW {
                User: plain.User,
                UserLength: plain.UserLength,
                Domain: plain.Domain,
                DomainLength: plain.DomainLength,
                Password: plain.Password,
                PasswordLength: plain.PasswordLength,
                Flags: plain.Flags,
                ..SEC_WINNT_AUTH_IDENTITY_EXW::default()
            }
        };
        assert_eq!(all.Flags, 2, "SEC_WINNT_AUTH_IDENTITY_UNICODE");
        // SAFETY: strings with their lengths.
        unsafe {
            acquired.user = wide(all.User, Some(all.UserLength));
            acquired.domain = wide(all.Domain, Some(all.DomainLength));
            acquired.password = wide(all.Password, Some(all.PasswordLength));
            acquired.packages = wide(all.PackageList, Some(all.PackageListLength));
        }
    }
    script(|script| {
        script.acquired.push(acquired);
        if script.acquire_status != 0 {
            return code(script.acquire_status);
        }
        let id = script.hand_out("credential");
        let made = SecHandle {
            dwLower: id,
            dwUpper: 0,
        };
        // SAFETY: a place for the answer.
        unsafe { handle.write(made) };
        0
    })
}

unsafe extern "system" fn free_cred(handle: *mut SecHandle) -> i32 {
    // SAFETY: a handle.
    let id = unsafe { handle.read() }.dwLower;
    script(|script| script.take_back("credential", id))
}

unsafe extern "system" fn accept(
    cred: *mut SecHandle,
    context: *mut SecHandle,
    input: *mut SecBufferDesc,
    requirements: u32,
    representation: u32,
    new: *mut SecHandle,
    output: *mut SecBufferDesc,
    attributes: *mut u32,
    expiry: *mut i64,
) -> i32 {
    // SAFETY: lists of buffers.
    let (input, output) = unsafe { (buffers(input), buffers(output)) };
    let of = |kind: u32| input.iter().find(|own| own.BufferType == kind);
    let mut seen = Seen {
        requirements,
        representation,
        has_context: !context.is_null(),
        room: output[0].cbBuffer as usize,
        asks_for_result: output
            .iter()
            .any(|own| own.BufferType == SECBUFFER_CHANNEL_BINDINGS_RESULT),
        ..Seen::default()
    };
    // SAFETY: buffers of the caller's.
    unsafe {
        seen.token = bytes_of(of(SECBUFFER_TOKEN).expect("a token"));
        seen.bindings = of(SECBUFFER_CHANNEL_BINDINGS).map(|own| bytes_of(own));
    }
    script(|script| {
        // SAFETY: a handle.
        let cred = unsafe { cred.read() };
        script.check("credential", cred.dwLower);
        if !context.is_null() {
            // SAFETY: a handle.
            let context = unsafe { context.read() };
            script.check("context", context.dwLower);
        }
        script.seen.push(seen);
        let answer = script.answers.pop_front().expect("no more answers");
        if context.is_null() && !answer.no_context {
            let id = script.hand_out("context");
            // SAFETY: a place for the answer.
            unsafe {
                new.write(SecHandle {
                    dwLower: id,
                    dwUpper: 7,
                });
            };
        }
        if let Some(token) = &answer.token {
            if requirements & 0x100 == 0 {
                // SAFETY: room of the caller's.
                unsafe { write(&mut output[0], token) };
            } else {
                output[0].pvBuffer = script.allocate(token);
                output[0].cbBuffer = token.len() as u32;
            }
        }
        if let Some(result) = output.get_mut(1) {
            // SAFETY: room of the caller's.
            unsafe { write(result, &answer.bindings.to_ne_bytes()) };
        }
        // SAFETY: places for the answers.
        unsafe {
            attributes.write(answer.attributes);
            expiry.write(answer.expiry);
        }
        code(answer.status)
    })
}

unsafe extern "system" fn complete(_: *mut SecHandle, token: *mut SecBufferDesc) -> i32 {
    // SAFETY: a list of buffers.
    let token = unsafe { bytes_of(&buffers(token)[0]) };
    script(|script| {
        script.completed.push(token);
        code(script.complete_status)
    })
}

unsafe extern "system" fn delete(handle: *mut SecHandle) -> i32 {
    // SAFETY: a handle.
    let id = unsafe { handle.read() }.dwLower;
    script(|script| script.take_back("context", id))
}

unsafe extern "system" fn free_buffer(memory: *mut c_void) -> i32 {
    script(|script| {
        let Some((place, length)) = script.memory.remove(&memory.addr()) else {
            let fault = format!("buffer {memory:?} freed, which nobody has");
            script.faults.push(fault);
            return;
        };
        let own = core::ptr::slice_from_raw_parts_mut(place, length);
        // SAFETY: allocated above with this length, and given back once.
        drop(unsafe { Box::from_raw(own) });
    });
    0
}

unsafe extern "system" fn query(handle: *mut SecHandle, number: u32, place: *mut c_void) -> i32 {
    // SAFETY: a handle.
    let id = unsafe { handle.read() }.dwLower;
    let found = script(|script| {
        script.check("context", id);
        script.attributes.get(&number).cloned()
    });
    let Some(found) = found else {
        return code(UNSUPPORTED);
    };
    match (number, found) {
        (SECPKG_ATTR_NEGOTIATION_INFO, Attribute::Package(name)) => {
            let info = SecPkgContext_NegotiationInfoW {
                PackageInfo: package_info(name),
                NegotiationState: 0,
            };
            // SAFETY: what the number promises.
            unsafe { place.cast::<SecPkgContext_NegotiationInfoW>().write(info) };
        }
        (SECPKG_ATTR_PACKAGE_INFO, Attribute::Package(name)) => {
            let info = SecPkgContext_PackageInfoW {
                PackageInfo: package_info(name),
            };
            // SAFETY: what the number promises.
            unsafe { place.cast::<SecPkgContext_PackageInfoW>().write(info) };
        }
        (number, attribute) => script(|script| {
            // SAFETY: what the number promises.
            unsafe { write_attribute(script, number, attribute, place) };
        }),
    }
    0
}

unsafe fn put<T>(place: *mut c_void, value: T) {
    // SAFETY: what the caller says of it.
    unsafe { place.cast::<T>().write(value) };
}

#[allow(non_snake_case)]
unsafe fn write_attribute(
    script: &mut Script,
    number: u32,
    attribute: Attribute,
    place: *mut c_void,
) {
    // SAFETY: what the number promises.
    unsafe {
        match (number, attribute) {
            (SECPKG_ATTR_NAMES, Attribute::Text(text)) => {
                let sUserName = script.text(text);
                put(place, SecPkgContext_NamesW { sUserName });
            }
            (SECPKG_ATTR_NATIVE_NAMES, Attribute::Texts(client, server)) => {
                let (sClientName, sServerName) = (script.text(client), script.text(server));
                put(
                    place,
                    SecPkgContext_NativeNamesW {
                        sClientName,
                        sServerName,
                    },
                );
            }
            (SECPKG_ATTR_CLIENT_SPECIFIED_TARGET, Attribute::Text(text)) => {
                let sTargetName = script.text(text);
                put(place, SecPkgContext_ClientSpecifiedTarget { sTargetName });
            }
            (SECPKG_ATTR_SESSION_KEY, Attribute::Bytes(bytes)) => {
                put(
                    place,
                    SecPkgContext_SessionKey {
                        SessionKeyLength: bytes.len() as u32,
                        SessionKey: script.allocate(&bytes).cast(),
                    },
                );
            }
            (SECPKG_ATTR_UNIQUE_BINDINGS, Attribute::Bytes(bytes)) => {
                put(
                    place,
                    SecPkgContext_Bindings {
                        BindingsLength: bytes.len() as u32,
                        Bindings: script.allocate(&bytes).cast(),
                    },
                );
            }
            (SECPKG_ATTR_LIFESPAN, Attribute::Times(tsStart, tsExpiry)) => {
                put(place, SecPkgContext_Lifespan { tsStart, tsExpiry });
            }
            (SECPKG_ATTR_SIZES, Attribute::Bytes(bytes)) => {
                let [cbMaxSignature, cbSecurityTrailer, cbBlockSize] = bytes[..] else {
                    panic!("three sizes")
                };
                put(
                    place,
                    SecPkgContext_Sizes {
                        cbMaxToken: 48_000,
                        cbMaxSignature: cbMaxSignature.into(),
                        cbBlockSize: cbBlockSize.into(),
                        cbSecurityTrailer: cbSecurityTrailer.into(),
                    },
                );
            }
            (SECPKG_ATTR_STREAM_SIZES, Attribute::Bytes(_)) => {
                put(
                    place,
                    SecPkgContext_StreamSizes {
                        cbHeader: 60,
                        cbTrailer: 0,
                        cbMaximumMessage: u32::MAX,
                        cBuffers: 4,
                        cbBlockSize: 1,
                    },
                );
            }
            (number, other) => panic!("attribute {number}: {other:?}"),
        }
    }
}

unsafe extern "system" fn sign(_: *mut SecHandle, _: u32, list: *mut SecBufferDesc, _: u32) -> i32 {
    // SAFETY: a list of buffers.
    let list = unsafe { buffers(list) };
    // SAFETY: buffers of the caller's.
    let data = unsafe { bytes_of(&list[0]) };
    let (status, needs) = script(|script| (script.message_status, script.needs));
    if status != 0 {
        return code(status);
    }
    if (list[1].cbBuffer as usize) < needs {
        return code(0x8009_0321);
    }
    // SAFETY: room of the caller's.
    unsafe { write(&mut list[1], &[b"mic of ", &data[..]].concat()) };
    0
}

unsafe extern "system" fn verify(
    _: *mut SecHandle,
    list: *mut SecBufferDesc,
    _: u32,
    _: *mut u32,
) -> i32 {
    // SAFETY: buffers of the caller's.
    let [data, mic] = unsafe { buffers(list) }.each_ref_exact();
    // SAFETY: likewise.
    let (data, mic) = unsafe { (bytes_of(data), bytes_of(mic)) };
    let status = script(|script| script.message_status);
    if status != 0 {
        return code(status);
    }
    match mic.strip_prefix(b"mic of ") {
        Some(of) if of == data => 0,
        _ => code(0x8009_030F),
    }
}

/// Two buffers, no more and no less.
trait EachRefExact {
    fn each_ref_exact(&self) -> [&SecBuffer; 2];
}

impl EachRefExact for [SecBuffer] {
    fn each_ref_exact(&self) -> [&SecBuffer; 2] {
        let [one, two] = self else {
            panic!("two buffers")
        };
        [one, two]
    }
}

/// What this table's "encryption" begins with.
pub const HEADER: &[u8] = b"<header>";

fn turned(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| byte ^ 0x5A).collect()
}

unsafe extern "system" fn encrypt(
    _: *mut SecHandle,
    quality: u32,
    list: *mut SecBufferDesc,
    _: u32,
) -> i32 {
    // SAFETY: a list of buffers.
    let list = unsafe { buffers(list) };
    let (status, needs) = script(|script| {
        script.qualities.push(quality);
        let kinds = list.iter().map(|own| own.BufferType).collect();
        script.buffer_kinds.push(kinds);
        (script.message_status, script.needs)
    });
    if status != 0 {
        return code(status);
    }
    for buffer in list {
        // SAFETY: buffers of the caller's.
        unsafe {
            match buffer.BufferType {
                SECBUFFER_TOKEN if (buffer.cbBuffer as usize) < needs.max(HEADER.len()) => {
                    return code(0x8009_0321);
                }
                SECBUFFER_TOKEN => write(buffer, HEADER),
                SECBUFFER_DATA if quality == 0 => {
                    let sealed = turned(&bytes_of(buffer));
                    write(buffer, &sealed);
                }
                SECBUFFER_PADDING if buffer.cbBuffer > 0 => write(buffer, b"p"),
                _ => {}
            }
        }
    }
    0
}

unsafe extern "system" fn decrypt(
    _: *mut SecHandle,
    list: *mut SecBufferDesc,
    _: u32,
    quality: *mut u32,
) -> i32 {
    // SAFETY: a list of buffers.
    let list = unsafe { buffers(list) };
    let (status, elsewhere) = script(|script| {
        let kinds = list.iter().map(|own| own.BufferType).collect();
        script.buffer_kinds.push(kinds);
        (script.message_status, script.data_elsewhere)
    });
    if status != 0 {
        return code(status);
    }
    // SAFETY: a place for the answer.
    unsafe { quality.write(0) };
    if list[0].BufferType != SECBUFFER_STREAM {
        for buffer in list
            .iter_mut()
            .filter(|own| own.BufferType == SECBUFFER_DATA)
        {
            // SAFETY: buffers of the caller's.
            unsafe {
                let open = turned(&bytes_of(buffer));
                write(buffer, &open);
            }
        }
        return 0;
    }
    // SAFETY: buffers of the caller's.
    let token = unsafe { bytes_of(&list[0]) };
    let Some(sealed) = token
        .strip_prefix(HEADER)
        .and_then(|rest| rest.strip_suffix(b"p"))
    else {
        return code(0x8009_030F);
    };
    let open = turned(sealed);
    // SAFETY: within the token.
    let place = unsafe { list[0].pvBuffer.byte_add(HEADER.len()) };
    list[1].pvBuffer = place;
    list[1].cbBuffer = open.len() as u32;
    // SAFETY: within the token.
    unsafe { write(&mut list[1], &open) };
    if elsewhere {
        list[1].cbBuffer += 100;
    }
    0
}

unsafe extern "system" fn impersonate(_: *mut SecHandle) -> i32 {
    script(|script| {
        if script.impersonate_status == 0 {
            script.impersonating += 1;
        }
        code(script.impersonate_status)
    })
}

unsafe extern "system" fn revert(_: *mut SecHandle) -> i32 {
    script(|script| {
        if script.revert_status == 0 {
            script.impersonating -= 1;
        }
        code(script.revert_status)
    })
}

unsafe extern "system" fn token(_: *mut SecHandle, token: *mut *mut c_void) -> i32 {
    script(|script| {
        if script.token_status != 0 {
            return code(script.token_status);
        }
        let id = script.hand_out("token");
        // SAFETY: a place for the answer.
        unsafe { token.write(core::ptr::with_exposed_provenance_mut(id)) };
        0
    })
}

unsafe extern "system" fn export(
    handle: *mut SecHandle,
    flags: u32,
    packed: *mut SecBuffer,
    token: *mut *mut c_void,
) -> i32 {
    assert_eq!(flags, 2, "SECPKG_CONTEXT_EXPORT_DELETE_OLD");
    // SAFETY: a handle.
    let id = unsafe { handle.read() }.dwLower;
    script(|script| {
        if script.export_status != 0 {
            return code(script.export_status);
        }
        script.take_back("context", id);
        let handle = script.hand_out("token");
        // SAFETY: places for the answers.
        unsafe {
            (*packed).cbBuffer = 6;
            (*packed).pvBuffer = script.allocate(b"packed");
            token.write(core::ptr::with_exposed_provenance_mut(handle));
        }
        0
    })
}

unsafe extern "system" fn import(
    package: *mut u16,
    packed: *mut SecBuffer,
    token: *mut c_void,
    handle: *mut SecHandle,
) -> i32 {
    assert!(token.is_null());
    // SAFETY: a string, and a buffer.
    let (package, packed) = unsafe { (wide(package, None), bytes_of(&*packed)) };
    script(|script| {
        script.imported.push((package.unwrap(), packed));
        let id = script.hand_out("context");
        // SAFETY: a place for the answer.
        unsafe {
            handle.write(SecHandle {
                dwLower: id,
                dwUpper: 7,
            });
        };
    });
    0
}

struct Scripted;

impl System for Scripted {
    fn kind(&self) -> Kind {
        script(|script| script.kind)
    }

    fn to_utc(&self, local: i64) -> Option<i64> {
        Some(local - script(|script| script.bias) * 10_000_000)
    }

    fn close(&self, handle: RawHandle) {
        script(|script| script.take_back("token", handle.0));
    }

    fn user(&self, token: RawHandle) -> Option<Vec<u8>> {
        script(|script| {
            script.check("token", token.0);
            script.user.clone()
        })
    }

    fn groups(&self, token: RawHandle) -> Option<Vec<(Vec<u8>, u32)>> {
        script(|script| {
            script.check("token", token.0);
            script.groups.clone()
        })
    }

    fn abort(&self) -> ! {
        panic!("the process is ended")
    }
}

/// The table, as the system would give it.
pub fn table() -> SecurityFunctionTableW {
    SecurityFunctionTableW {
        AcquireCredentialsHandleW: Some(acquire),
        FreeCredentialsHandle: Some(free_cred),
        AcceptSecurityContext: Some(accept),
        CompleteAuthToken: Some(complete),
        DeleteSecurityContext: Some(delete),
        QueryContextAttributesW: Some(query),
        ImpersonateSecurityContext: Some(impersonate),
        RevertSecurityContext: Some(revert),
        MakeSignature: Some(sign),
        VerifySignature: Some(verify),
        FreeContextBuffer: Some(free_buffer),
        QuerySecurityPackageInfoW: Some(find_package),
        ExportSecurityContext: Some(export),
        ImportSecurityContextW: Some(import),
        QuerySecurityContextToken: Some(token),
        EncryptMessage: Some(encrypt),
        DecryptMessage: Some(decrypt),
        ..SecurityFunctionTableW::default()
    }
}

/// The functions of a table, on this script's system.
pub fn sspi(table: &SecurityFunctionTableW) -> Arc<Sspi> {
    Arc::new(Sspi {
        table: Table::new(table),
        system: Arc::new(Scripted),
    })
}
