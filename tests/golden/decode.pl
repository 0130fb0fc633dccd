# Answers each line, the base64 of a header's raw value, with the JSON of its text, as Perl's Encode reads it.
use strict;
use warnings;
use Encode qw(decode);
use JSON::PP;
use MIME::Base64 qw(decode_base64);

my $json = JSON::PP->new->allow_nonref->ascii;
while ( my $line = <STDIN> ) {
    my $raw = decode_base64($line);
    $raw =~ s/\r\n([ \t])/$1/g;    # RFC 5322 2.2.3
    print $json->encode( decode( "MIME-Header", $raw ) ), "\n";
}
