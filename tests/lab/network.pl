#!/usr/bin/perl
# Gives the loopback interface of a lab's VM an address and a default route, as RKE2 requires of a node. Its root has no
# program for that, and it has no other interface.
use strict;
use warnings;
use Socket;

socket(my $socket, AF_INET, SOCK_DGRAM, 0) or die "socket: $!";
my $address = pack_sockaddr_in(0, inet_aton('192.0.2.10'));
my $any = pack_sockaddr_in(0, INADDR_ANY);
# SIOCSIFADDR with a struct ifreq
ioctl($socket, 0x8916, my $request = pack('a16 a16 x8', 'lo:lab', $address)) or die "address: $!";
# SIOCADDRT with a struct rtentry of 64 bits, flags RTF_UP
my $device = 'lo';
ioctl($socket, 0x890B, my $route = pack('x8 a16 a16 a16 S x22 x8 p x24', $any, $any, $any, 1, $device)) or die "route: $!";
