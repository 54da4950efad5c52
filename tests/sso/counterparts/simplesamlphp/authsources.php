<?php
$config = [
    'people' => ['exampleauth:UserPass', 'ada:secret' => ['mail' => ['ada@acme.example'], 'groups' => ['Staff', "Ada's"]]],
];
