//! A client, driven over pipes as `../py/client.py` is:
//!
//! `libgssapi-client SERVICE@HOST krb5|spnego FLAGS`
//!
//! A request is an octet and two fields, each behind its length in four octets; an answer is 0 or
//! 1 and two fields, of which the first says what is wrong.

use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};

use libgssapi::context::{ClientCtx, CtxFlags, SecurityContext};
use libgssapi::name::Name;
use libgssapi::oid::{GSS_MECH_KRB5, GSS_MECH_SPNEGO, GSS_NT_HOSTBASED_SERVICE};

type Fields = (Vec<u8>, Vec<u8>);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [target, mech, flags] = &arguments[..] else {
        return Err("usage: libgssapi-client SERVICE@HOST krb5|spnego FLAGS".into());
    };
    let name = Name::new(target.as_bytes(), Some(GSS_NT_HOSTBASED_SERVICE))?;
    let mech = match mech.as_str() {
        "spnego" => GSS_MECH_SPNEGO,
        _ => GSS_MECH_KRB5,
    };
    let flags = CtxFlags::from_bits_retain(flags.parse()?);
    let mut context = ClientCtx::new(None, name, flags, Some(mech));
    let (mut from, mut to) = (io::stdin().lock(), io::stdout().lock());
    let mut op = [0];
    loop {
        match from.read_exact(&mut op) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(()),
            read => read?,
        }
        let (one, _) = (field(&mut from)?, field(&mut from)?);
        let (status, (one, two)) = match answer(&mut context, op[0], &one) {
            Ok(fields) => (0, fields),
            Err(error) => (1, (error.to_string().into_bytes(), Vec::new())),
        };
        to.write_all(&[status])?;
        for field in [one, two] {
            to.write_all(&u32::try_from(field.len())?.to_be_bytes())?;
            to.write_all(&field)?;
        }
        to.flush()?;
    }
}

fn answer(context: &mut ClientCtx, op: u8, one: &[u8]) -> Result<Fields, Box<dyn Error>> {
    match op {
        b'i' => {
            let token = context.step((!one.is_empty()).then_some(one), None)?;
            let token = token.map_or(Vec::new(), |token| token.to_vec());
            let done = context.open().unwrap_or(false);
            Ok((token, if done { b"done".to_vec() } else { Vec::new() }))
        }
        b'w' | b'W' => Ok((context.wrap(op == b'W', one)?.to_vec(), Vec::new())),
        // It does not say whether the message was sealed.
        b'u' => Ok((context.unwrap(one)?.to_vec(), b"sealed".to_vec())),
        _ => Err("the crate has no such call".into()),
    }
}

fn field(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let mut field = vec![0; u32::from_be_bytes(length) as usize];
    from.read_exact(&mut field)?;
    Ok(field)
}
