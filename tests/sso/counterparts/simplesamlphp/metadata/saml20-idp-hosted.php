<?php
// COUNTERPART_ENCRYPTS, COUNTERPART_WANTS_SIGNED: 1 or nothing.
$persistent = 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent';
$metadata['__DYNAMIC:1__'] = [
    'host' => '__DEFAULT__',
    'privatekey' => 'idp.key',
    'certificate' => 'idp.pem',
    'auth' => 'people',
    'assertion.encryption' => (bool) getenv('COUNTERPART_ENCRYPTS'),
    'redirect.validate' => (bool) getenv('COUNTERPART_WANTS_SIGNED'),
    'NameIDFormat' => $persistent,
    'authproc' => [3 => ['class' => 'saml:AttributeNameID', 'attribute' => 'mail', 'Format' => $persistent]],
];
