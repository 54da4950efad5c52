// Auth0's SAML identity provider, on loopback. It signs in whoever comes, as Ada.
// Arguments: a folder with idp.key, idp.pem, muster.pem and muster.pub; our entity id; our ACS address.
// It says on one line at which port it is; /SHAPE is the endpoint for each shape of response, with metadata below it.
import express from 'express';
import { readFileSync } from 'node:fs';
import samlp from 'samlp';

const [folder, audience, acs] = process.argv.slice(2);
const read = (name) => readFileSync(`${folder}/${name}`);
const shapes = {
  plain: {},
  response: { signResponse: true, signAssertion: false },
  both: { signResponse: true },
  gcm: { encryptionCert: read('muster.pem'), encryptionPublicKey: read('muster.pub') },
};
shapes.cbc = {
  ...shapes.gcm,
  encryptionAlgorithm: 'http://www.w3.org/2001/04/xmlenc#aes256-cbc',
  disallowEncryptionWithInsecureAlgorithm: false,
};

class Profile {
  constructor(user) { this.user = user; }
  getClaims() { return { userName: this.user.id, groups: ['Staff', "Ada's"] }; }
  getNameIdentifier() { return { nameIdentifier: this.user.id }; }
}

Profile.prototype.metadata = [];

const app = express();
for (const [shape, settings] of Object.entries(shapes)) {
  const identity = { issuer: `https://samlp.example/${shape}`, cert: read('idp.pem'), key: read('idp.key') };
  app.get(`/${shape}`, samlp.auth({
    ...identity,
    audience,
    destination: acs,
    recipient: acs,
    getPostURL: (asked, _document, _request, done) => done(null, asked === audience ? acs : undefined),
    getUserFromRequest: () => ({ id: 'ada@acme.example' }),
    profileMapper: (user) => new Profile(user),
    nameIdentifierFormat: 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress',
    sessionIndex: '_session1',
    ...settings,
  }));
  app.get(`/${shape}/metadata`, samlp.metadata({
    ...identity, profileMapper: Profile, redirectEndpointPath: `/${shape}`, postEndpointPath: `/${shape}`,
  }));
}
const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port));
