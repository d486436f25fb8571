//! `InitializeSecurityContext`, and messages of what comes of it.

use std::ptr;

use windows_sys::Win32::Security::Authentication::Identity::{
    AcquireCredentialsHandleW, DecryptMessage, DeleteSecurityContext, EncryptMessage,
    FreeCredentialsHandle, ISC_REQ_CONFIDENTIALITY, ISC_REQ_INTEGRITY, ISC_REQ_MUTUAL_AUTH,
    ISC_REQ_REPLAY_DETECT, ISC_REQ_SEQUENCE_DETECT, InitializeSecurityContextW, SECBUFFER_DATA,
    SECBUFFER_PADDING, SECBUFFER_TOKEN, SECBUFFER_VERSION, SECPKG_CRED_OUTBOUND,
    SECURITY_NATIVE_DREP, SecBuffer, SecBufferDesc,
};
use windows_sys::Win32::Security::Credentials::SecHandle;

/// SEC_I_CONTINUE_NEEDED.
const CONTINUE: i32 = 0x0009_0312;
/// Room for a token.
const ROOM: usize = 48_000;
/// What Kerberos adds to a sealed message under AES with SHA-1 (RFC 4121 4.2.4).
const AROUND: usize = 16 + 16 + 16 + 12;

/// A login, by one of the system's packages.
pub struct Client {
    credentials: SecHandle,
    context: Option<SecHandle>,
    target: Vec<u16>,
    ntlm: bool,
}

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

fn checked(what: &str, status: i32) -> Result<(), String> {
    match status {
        0 => Ok(()),
        status => Err(format!("{what}: {status:#010x}")),
    }
}

fn buffer(kind: u32, bytes: &mut [u8]) -> SecBuffer {
    SecBuffer {
        cbBuffer: u32::try_from(bytes.len()).expect("short"),
        BufferType: kind,
        pvBuffer: bytes.as_mut_ptr().cast(),
    }
}

fn list(buffers: &mut [SecBuffer]) -> SecBufferDesc {
    SecBufferDesc {
        ulVersion: SECBUFFER_VERSION,
        cBuffers: u32::try_from(buffers.len()).expect("few"),
        pBuffers: buffers.as_mut_ptr(),
    }
}

impl Client {
    /// With the credentials of whoever runs this.
    pub fn new(package: &str, target: &str) -> Result<Self, String> {
        let (mut name, mut credentials) = (wide(package), SecHandle::default());
        let mut expiry = 0;
        // SAFETY: a string with its zero, and places for the answers.
        let status = unsafe {
            AcquireCredentialsHandleW(
                ptr::null(),
                name.as_mut_ptr(),
                SECPKG_CRED_OUTBOUND,
                ptr::null(),
                ptr::null(),
                None,
                ptr::null(),
                &raw mut credentials,
                &raw mut expiry,
            )
        };
        checked("AcquireCredentialsHandle", status)?;
        Ok(Self {
            credentials,
            context: None,
            target: wide(target),
            ntlm: package == "NTLM",
        })
    }

    /// A leg: what to send, and whether it is the last.
    pub fn step(&mut self, reply: Option<&[u8]>) -> Result<(Option<Vec<u8>>, bool), String> {
        let mut reply = reply.map(<[u8]>::to_vec);
        let mut token = vec![0; ROOM];
        let mut input: Vec<SecBuffer> = reply
            .as_mut()
            .map(|bytes| buffer(SECBUFFER_TOKEN, bytes))
            .into_iter()
            .collect();
        let mut output = [buffer(SECBUFFER_TOKEN, &mut token)];
        let (input, mut answer) = (list(&mut input), list(&mut output));
        let (before, mut new) = (self.context, self.context.unwrap_or_default());
        let (mut attributes, mut expiry) = (0, 0);
        // SAFETY: handles are live, strings and buffers live for the call.
        let status = unsafe {
            InitializeSecurityContextW(
                &raw mut self.credentials,
                before.as_ref().map_or(ptr::null(), ptr::from_ref),
                self.target.as_ptr(),
                ISC_REQ_MUTUAL_AUTH
                    | ISC_REQ_REPLAY_DETECT
                    | ISC_REQ_SEQUENCE_DETECT
                    | ISC_REQ_CONFIDENTIALITY
                    | ISC_REQ_INTEGRITY,
                0,
                SECURITY_NATIVE_DREP,
                if reply.is_some() {
                    &raw const input
                } else {
                    ptr::null()
                },
                0,
                &raw mut new,
                &raw mut answer,
                &raw mut attributes,
                &raw mut expiry,
            )
        };
        if status != CONTINUE {
            checked("InitializeSecurityContext", status)?;
        }
        self.context = Some(new);
        token.truncate(output[0].cbBuffer as usize);
        Ok((Some(token).filter(|token| !token.is_empty()), status == 0))
    }

    fn handle(&self) -> Result<SecHandle, String> {
        self.context.ok_or_else(|| "no context".into())
    }

    /// A sealed message, as GSS-API has it on the wire.
    pub fn seal(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        let (mut token, mut data, mut padding) = (vec![0; 256], message.to_vec(), [0; 16]);
        let mut buffers = [
            buffer(SECBUFFER_TOKEN, &mut token),
            buffer(SECBUFFER_DATA, &mut data),
            buffer(SECBUFFER_PADDING, &mut padding),
        ];
        let (mut handle, mut all) = (self.handle()?, list(&mut buffers));
        // SAFETY: the handle is live, buffers live for the call.
        let status = unsafe { EncryptMessage(&raw mut handle, 0, &raw mut all, 0) };
        checked("EncryptMessage", status)?;
        token.truncate(buffers[0].cbBuffer as usize);
        Ok(match self.ntlm {
            true => [token, data].concat(),
            // Wine puts the first octets of the token where the data was.
            false => [data, token].concat(),
        })
    }

    /// The message in a sealed one.
    pub fn open(&self, token: &[u8]) -> Result<Vec<u8>, String> {
        let mut all = token.to_vec();
        let length = all.len().checked_sub(if self.ntlm { 16 } else { AROUND });
        let length = length.ok_or("too short a message")?;
        let (data, rest) = if self.ntlm {
            let (rest, data) = all.split_at_mut(16);
            (data, rest)
        } else {
            all.split_at_mut(length)
        };
        let mut buffers = [buffer(SECBUFFER_TOKEN, rest), buffer(SECBUFFER_DATA, data)];
        let (mut handle, mut list, mut quality) = (self.handle()?, list(&mut buffers), 0);
        // SAFETY: the handle is live, buffers live for the call.
        let status = unsafe { DecryptMessage(&raw mut handle, &raw mut list, 0, &raw mut quality) };
        checked("DecryptMessage", status)?;
        Ok(data.to_vec())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Some(mut context) = self.context.take() {
            // SAFETY: deleted here alone.
            unsafe { DeleteSecurityContext(&raw mut context) };
        }
        // SAFETY: freed here alone.
        unsafe { FreeCredentialsHandle(&raw mut self.credentials) };
    }
}
