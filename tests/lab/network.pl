#!/usr/bin/perl
# Gives the loopback interface of a lab's VM an address and a default route, as RKE2 requires of a node. Its root has no
# program for that, no module of Perl, and no other interface.

# AF_INET and SOCK_DGRAM of Linux
socket(my $socket, 2, 2, 0) or die "socket: $!";
my $address = pack('S n C4 x8', 2, 0, 192, 0, 2, 10);
my $any = pack('S n C4 x8', 2, 0, 0, 0, 0, 0);
# SIOCSIFADDR with a struct ifreq
ioctl($socket, 0x8916, my $request = pack('a16 a16 x8', 'lo:lab', $address)) or die "address: $!";
# SIOCADDRT with a struct rtentry of 64 bits, flags RTF_UP
my $device = 'lo';
ioctl($socket, 0x890B, my $route = pack('x8 a16 a16 a16 S x22 x8 p x24', $any, $any, $any, 1, $device)) or die "route: $!";
