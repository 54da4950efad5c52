// A certified OpenID Provider, on loopback. It signs in whoever says who they are, with any password.
// Arguments: its port; the redirect URI; the address for back-channel logout.
// It says one line when it is there. The client is `muster`, its secret forty times s.
import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';

console.info = console.warn = () => {}; // what it has to say to whoever would run it like this in earnest

const [port, redirect, logout] = process.argv.slice(2);
const { privateKey } = await generateKeyPair('RS256', { extractable: true });

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: 'muster',
    client_secret: 's'.repeat(40),
    redirect_uris: [redirect],
    response_types: ['code'],
    grant_types: ['authorization_code'],
    backchannel_logout_uri: logout,
    backchannel_logout_session_required: true,
  }],
  jwks: { keys: [{ ...await exportJWK(privateKey), kid: 'k1', alg: 'RS256', use: 'sig' }] },
  features: { devInteractions: { enabled: true }, backchannelLogout: { enabled: true } },
  pkce: { required: () => true },
  claims: { openid: ['sub', 'sid'], profile: ['preferred_username'], email: ['email'] },
  findAccount: (_context, id) => ({
    accountId: id,
    claims: () => ({ sub: id, preferred_username: `${id}@northwind.example` }),
  }),
  cookies: { keys: ['only on loopback'] },
  // Its own guard refuses to talk to loopback.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
});
provider.listen(port, '127.0.0.1', () => console.log('ready'));
