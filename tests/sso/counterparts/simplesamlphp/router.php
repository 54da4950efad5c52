<?php
// For PHP's own server: /simplesaml/… is what the package has for a web server.
const WWW = '/usr/share/simplesamlphp/www';
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
if (!preg_match('#^/simplesaml(/.*?\.php)(/.*)?$#', $path, $parts) || !is_file(WWW . $parts[1])) {
    http_response_code(404);
    return;
}
$_SERVER['SCRIPT_NAME'] = '/simplesaml' . $parts[1];
$_SERVER['PHP_SELF'] = $path;
$_SERVER['PATH_INFO'] = $parts[2] ?? '';
$_SERVER['SCRIPT_FILENAME'] = WWW . $parts[1];
chdir(dirname(WWW . $parts[1]));
require WWW . $parts[1];
