<?php
// COUNTERPART_HOME: a folder for keys, logs and our metadata. COUNTERPART_PORT: where it is served.
$home = getenv('COUNTERPART_HOME');
$config = [
    'baseurlpath' => 'http://127.0.0.1:' . getenv('COUNTERPART_PORT') . '/simplesaml/',
    'certdir' => $home,
    'loggingdir' => $home,
    'datadir' => $home,
    'tempdir' => $home,
    'metadatadir' => __DIR__ . '/metadata',
    'metadata.sources' => [['type' => 'flatfile'], ['type' => 'xml', 'file' => "$home/muster.xml"]],
    'secretsalt' => 'only-for-tests',
    'auth.adminpassword' => 'only-for-tests-too',
    'timezone' => 'UTC',
    'logging.handler' => 'file',
    'enable.saml20-idp' => true,
    'module.enable' => ['exampleauth' => true, 'core' => true, 'saml' => true],
    'store.type' => 'phpsession',
    'session.cookie.secure' => false,
    'session.phpsession.savepath' => $home,
    'language.default' => 'en',
];
