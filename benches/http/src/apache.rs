//! Debian's Apache with mod_auth_gssapi, in a folder of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use interop::Kdc;
use interop::process::run;

use crate::process::Process;

pub struct Apache(pub Process);

/// MIT krb5's, which the module has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ReplayCache {
    On,
    Off,
}

impl Apache {
    pub fn start(kdc: &Kdc, replay: ReplayCache) -> Self {
        let dir = kdc.fresh("apache");
        std::fs::create_dir(&dir).expect("a folder");
        let keytab = dir.join("http.keytab");
        std::fs::copy(kdc.keytab("HTTP"), &keytab).expect("a keytab");
        for path in ["index.txt", "open"] {
            std::fs::write(dir.join(path), "You are alice@EXAMPLE.TEST\n").expect("a page");
        }
        // Apache's children become another user.
        run(Command::new("chown").args(["-R", "www-data"]).arg(&dir));
        run(Command::new("chmod").args(["a+rX"]).arg(kdc.dir()));
        let cache = match replay {
            ReplayCache::On => format!("file2:{}/rcache", dir.display()),
            ReplayCache::Off => "none:".to_owned(),
        };
        let log = kdc.fresh("apache.log");
        let process = Process::start(Path::new("/usr/sbin/apache2"), log, |command, address| {
            let configuration = dir.join("apache.conf");
            std::fs::write(&configuration, text(&dir, address)).expect("a file");
            command.arg("-DFOREGROUND").arg("-f").arg(configuration);
            command.env("KRB5RCACHENAME", cache);
            command.env("KRB5_CONFIG", kdc.config());
        });
        Self(process)
    }
}

/// In one process, for one processor. More than wrk has connections: a process of the event MPM whose
/// threads are all busy closes the connections that are kept alive, also those with a request on the way.
const THREADS: usize = 64;

fn text(dir: &Path, address: SocketAddr) -> String {
    let dir = dir.display();
    let modules = [
        "mpm_event",
        "authn_core",
        "authz_core",
        "authz_user",
        "dir",
        "auth_gssapi",
    ];
    let modules = modules
        .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"));
    format!(
        "ServerRoot {dir}\nServerName localhost\nListen {address}\nPidFile {dir}/pid\n\
         ErrorLog {dir}/error.log\nLogLevel warn\nUser www-data\nGroup www-data\n{}\
         StartServers 1\nMinSpareThreads 1\nThreadsPerChild {THREADS}\n\
         MaxRequestWorkers {THREADS}\n\
         KeepAlive On\nMaxKeepAliveRequests 0\nTimeout 60\nDirectoryIndex index.txt\n\
         DocumentRoot {dir}\n<Directory {dir}>\n  AuthType GSSAPI\n  AuthName x\n  \
         GssapiCredStore keytab:{dir}/http.keytab\n  GssapiUseSessions Off\n  \
         GssapiAllowedMech krb5\n  Require valid-user\n</Directory>\n<Location /open>\n  AuthType None\n  \
         Require all granted\n</Location>\n",
        modules.concat()
    )
}
