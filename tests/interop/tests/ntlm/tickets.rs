//! Tickets of Active Directory: what their PACs say here is what Samba's own decoder prints.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use gss_acceptor::backends::GssapiLibrary;
use gss_acceptor::http::{Scheme, header_value};
use gss_acceptor::{
    Acceptor, AcceptorConfig, AuthorizationProblem, Context, ContextImporter, Evidence,
    GroupAttributes, Keytab, MemoryReplayStore, Rejection, SealingKey, SignatureCheck, Step,
    UpnOrigin, backends,
};
use interop::process::{PATIENCE, Server, run, support};
use interop::python::{PYTHON, script};

/// A ticket: the client's token, and what Samba says of the PAC.
struct Ticket {
    name: String,
    token: Vec<u8>,
    says: Said,
}

/// By `account`, `user`, `groups` and so on: ad_pac.py.
pub type Said = BTreeMap<String, String>;

/// All that the domain issues, and those with a changed PAC.
fn tickets(directory: &Path, password: &str) -> (Vec<Ticket>, Vec<Ticket>) {
    let mut command = Command::new(PYTHON);
    command.arg(script("ad_pac.py")).arg(support("ad.sh"));
    let output = run(command.arg(directory).arg(password));
    let text = String::from_utf8(output.stdout).expect("text");
    let tickets: Vec<_> = text.lines().map(ticket).collect();
    let (bent, whole): (Vec<_>, Vec<_>) = tickets
        .into_iter()
        .partition(|ticket: &Ticket| ticket.name.starts_with("bent-"));
    assert_eq!(whole.len(), 8, "a line for each ticket:\n{text}");
    (whole, bent)
}

fn ticket(line: &str) -> Ticket {
    let mut parts = line.split('\t');
    let mut next = || parts.next().expect("a name and a token");
    let (name, digits) = (next().to_owned(), next());
    let pairs = digits.as_bytes().chunks(2);
    let token = pairs
        .map(|pair| {
            let pair = std::str::from_utf8(pair).expect("digits");
            u8::from_str_radix(pair, 16).expect("digits")
        })
        .collect();
    let says = parts.map(|part| {
        let (key, value) = part.split_once('=').expect("key=value");
        (key.to_owned(), value.to_owned())
    });
    let says = says.collect();
    Ticket { name, token, says }
}

fn config(directory: &Path, krbtgt: bool, required: bool) -> AcceptorConfig {
    let keytab = |name| Keytab::open(directory.join(name)).expect("a keytab");
    let mut backend = backends::rust(keytab("services.keytab"));
    if krbtgt {
        backend = backend.krbtgt(keytab("krbtgt.keytab"));
    }
    // Each configuration sees every token.
    let mut builder = AcceptorConfig::builder(backend)
        .insecure_rc4()
        .replay_store(std::sync::Arc::new(MemoryReplayStore::new()));
    if required {
        builder = builder.require_authorization();
    }
    builder.build().expect("a plain configuration")
}

fn accept(config: &AcceptorConfig, token: &[u8]) -> Result<Context, gss_acceptor::Error> {
    match Acceptor::new(config).step(token) {
        Ok(Step::Established { context, .. }) => Ok(context),
        Ok(_) => panic!("one leg is all there is"),
        Err(failure) => Err(failure.into_error()),
    }
}

/// What Samba says of each ticket is what we say; for the account's SID and groups it is given back.
pub fn say_what_samba_says(directory: &Path, password: &str) -> BTreeMap<String, Said> {
    let (plain, all, required) = (
        config(directory, false, false),
        config(directory, true, false),
        config(directory, false, true),
    );
    let (tickets, bent) = tickets(directory, password);
    changed_pacs(directory, [&plain, &all], &bent);
    for library in [GssapiLibrary::Mit, GssapiLibrary::Heimdal] {
        by_library(directory, &library, &tickets);
    }
    let mut said = BTreeMap::new();
    for ticket in tickets {
        let name = &ticket.name;
        let context =
            accept(&plain, &ticket.token).unwrap_or_else(|error| panic!("{name}: {error}"));
        let checked = accept(&all, &ticket.token).expect("the same ticket");
        let strict = accept(&required, &ticket.token);
        if ticket.says.is_empty() {
            assert_eq!(name, "nopac");
            assert_eq!(context.authorization(), Err(&AuthorizationProblem::Absent));
            let error = strict.expect_err("no account and groups");
            let problem = AuthorizationProblem::Absent;
            let due = Rejection::Authorization { problem };
            assert_eq!(error.rejection(), Some(&due));
            continue;
        }
        strict.expect("account and groups are known");
        compare(&context, &ticket);
        if name == "bloat" {
            comes_in_over_http(directory, &ticket.token);
        }
        signatures(&context, &checked, name);
        said.insert(ticket.name, ticket.says);
    }
    said
}

/// Buffers of a PAC by number (MS-PAC 2.4): the KDC's signature of the server's, which the latter
/// does not cover.
const KDC_SIGNATURE: &str = "bent-7";

/// One bit of a PAC: whoever has the service's key could write such a ticket. No account comes of
/// it, but where the KDC's own signature was changed and nobody here has its key.
fn changed_pacs(directory: &Path, [plain, all]: [&AcceptorConfig; 2], bent: &[Ticket]) {
    let names: Vec<_> = bent.iter().map(|ticket| ticket.name.as_str()).collect();
    // Logon info, both signatures, client info, UPN info, ticket and full signature at the least.
    for kind in [1, 6, 7, 10, 12, 16, 19] {
        assert!(
            names.contains(&format!("bent-{kind}").as_str()),
            "{names:?}"
        );
    }
    let (mit, heimdal) = (
        by_library_config(directory, &GssapiLibrary::Mit, false),
        by_library_config(directory, &GssapiLibrary::Heimdal, false),
    );
    for ticket in bent {
        let name = &ticket.name;
        let known = |config| {
            let context = accept(config, &ticket.token)?;
            Ok::<_, gss_acceptor::Error>(context.authorization().cloned().map_err(Clone::clone))
        };
        let due = name == KDC_SIGNATURE;
        let ours = known(plain).expect("a client without account and groups");
        assert_eq!(ours.is_ok(), due, "{name}: {ours:?}");
        let checked = known(all).expect("a client without account and groups");
        assert!(checked.is_err(), "{name}: {checked:?}");
        let theirs = known(&mit).expect("a client without account and groups");
        assert_eq!(theirs.is_ok(), due, "MIT, {name}: {theirs:?}");
        // Heimdal does not let such a client in at all.
        let theirs = known(&heimdal);
        assert_eq!(
            theirs.is_ok_and(|known| known.is_ok()),
            due,
            "Heimdal, {name}"
        );
    }
}

/// The system's library verifies the PAC, and the same is read of it.
fn by_library(directory: &Path, library: &GssapiLibrary, tickets: &[Ticket]) {
    let config = |required| by_library_config(directory, library, required);
    let (plain, required) = (config(false), config(true));
    for ticket in tickets {
        let name = format!("{library:?}: {}", ticket.name);
        // Which types Heimdal takes cannot be chosen, so RC4 is refused there.
        if ticket.name == "rc4" && *library == GssapiLibrary::Heimdal {
            let error = accept(&plain, &ticket.token).expect_err("RC4");
            let rejection = error.rejection();
            assert!(
                matches!(rejection, Some(Rejection::EtypeNotPermitted { .. })),
                "{error}"
            );
            continue;
        }
        let context =
            accept(&plain, &ticket.token).unwrap_or_else(|error| panic!("{name}: {error}"));
        let strict = accept(&required, &ticket.token);
        if ticket.says.is_empty() {
            assert_eq!(context.authorization(), Err(&AuthorizationProblem::Absent));
            let error = strict.expect_err("no account and groups");
            let problem = AuthorizationProblem::Absent;
            let due = Rejection::Authorization { problem };
            assert_eq!(error.rejection(), Some(&due));
            continue;
        }
        strict.unwrap_or_else(|error| panic!("{name}: {error}"));
        compare(&context, ticket);
        let evidence = &context.authorization().expect("verified").evidence;
        let due = if *library == GssapiLibrary::Mit {
            "MIT krb5"
        } else {
            "Heimdal"
        };
        match evidence {
            Evidence::Library { name } => assert!(name.starts_with(due), "{name}"),
            other => panic!("{name}: {other}"),
        }
        goes_along(context, library, ticket);
    }
}

fn by_library_config(directory: &Path, library: &GssapiLibrary, required: bool) -> AcceptorConfig {
    let keytab = Keytab::open(directory.join("services.keytab")).expect("a keytab");
    let backend = backends::gssapi(keytab).library(library.clone());
    let mut builder = AcceptorConfig::builder(backend)
        .replay_store(std::sync::Arc::new(MemoryReplayStore::new()));
    if *library == GssapiLibrary::Mit {
        builder = builder.insecure_rc4();
    }
    if required {
        builder = builder.require_authorization();
    }
    builder.build().expect("a plain configuration")
}

/// An exported context takes what was verified along.
fn goes_along(context: Context, library: &GssapiLibrary, ticket: &Ticket) {
    let key: Vec<u8> = (0..32).collect();
    let key = SealingKey::from_bytes(&key).expect("a key");
    let importer = ContextImporter::new(key, "other").with(library.importer().expect("open"));
    let exported = context.export().expect("exported");
    let again = importer.import_data(exported).expect("imported");
    compare(&again, ticket);
}

/// The token of a user of 400 groups as a header, and every one of them on the page.
fn comes_in_over_http(directory: &Path, token: &[u8]) {
    let keytab = directory.join("services.keytab");
    let log = directory.join("http_server.log");
    let server = Server::example("http_server", &keytab, &[], log);
    let value = header_value(Scheme::Negotiate, Some(token));
    assert!(value.len() > 6000, "{}", value.len());
    let mut stream = TcpStream::connect(server.address).expect("the server");
    let time = Some(PATIENCE);
    stream.set_read_timeout(time).expect("a timeout");
    let request =
        format!("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: {value}\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut page = String::new();
    stream.read_to_string(&mut page).expect("an answer");
    assert!(page.starts_with("HTTP/1.1 200"), "{page}\n{}", server.log());
    assert!(page.contains("You are bloat@AD.TEST."), "{page}");
    assert!(page.matches("S-1-5-21-").count() >= 401, "{page}");
}

fn compare(context: &Context, ticket: &Ticket) {
    let name = &ticket.name;
    let said = |key: &str| ticket.says.get(key).map(String::as_str);
    let who = context.authorization().expect("verified");
    assert_eq!(Some(who.account.user.as_str()), said("account"), "{name}");
    assert_eq!(Some(who.account.domain.as_str()), said("domain"), "{name}");
    let text = |sid: Option<gss_acceptor::Sid>| sid.map(|sid| sid.to_string());
    assert_eq!(text(who.user).as_deref(), said("user"), "{name}");
    assert_eq!(
        text(who.primary_group).as_deref(),
        said("primary"),
        "{name}"
    );
    assert_eq!(
        Some(who.account_control.to_string().as_str()),
        said("control")
    );
    let groups: Vec<_> = who
        .groups
        .iter()
        .map(|group| format!("{}:{}", group.sid, group.attributes.bits()))
        .collect();
    assert_eq!(Some(groups.join(",").as_str()), said("groups"), "{name}");
    for group in &who.groups {
        assert!(group.attributes.contains(GroupAttributes::ENABLED));
        assert!(who.is_member(&group.sid), "{name}: {}", group.sid);
    }
    let upn = who.upn.as_ref().expect("a user principal name");
    assert_eq!(Some(upn.name.as_str()), said("upn"), "{name}");
    let constructed = u8::from(upn.origin == UpnOrigin::Constructed);
    assert_eq!(Some(constructed.to_string().as_str()), said("constructed"));
    assert_eq!(who.dns_domain.as_deref(), said("dns"), "{name}");
    // Rule 27: the account is the PAC's, whatever the ticket calls the client.
    let peer = context.peer().to_string();
    match name.as_str() {
        "enterprise" => assert_eq!(peer, "alice\\@ad.test@AD.TEST"),
        "bloat" => assert_eq!(who.groups.len(), 402),
        _ => {}
    }
    let through = who.delegation.as_ref();
    assert_eq!(
        through.map(|it| it.target.as_str()),
        said("target"),
        "{name}"
    );
    let services = through.map(|it| it.services.join(","));
    assert_eq!(services.as_deref(), said("services"), "{name}");
    // svc-web said that alice was there; nobody else did.
    assert_eq!(who.is_asserted_by_service(), name == "s4u", "{name}");
}

fn signatures(plain: &Context, checked: &Context, name: &str) {
    let of = |context: &Context| match &context.authorization().expect("verified").evidence {
        Evidence::Pac(signatures) => *signatures,
        other => panic!("{name}: {other}"),
    };
    assert_eq!(of(plain).kdc, SignatureCheck::NotChecked);
    let checked = of(checked);
    let three = [checked.kdc, checked.ticket, checked.full];
    assert_eq!(three, [SignatureCheck::Valid; 3], "{name}");
}
