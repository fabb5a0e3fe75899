/* `pollux pki …`: the certificates of a deployment, on the command line. It asks no daemon. */
#ifndef POLLUX_CMDLET_PKI_COMMAND_H
#define POLLUX_CMDLET_PKI_COMMAND_H

/* argv[0] is "pki". Returns the exit status: 0 done, 1 failed, 2 misused. */
int pki_command(int argc, char **argv);

#endif
