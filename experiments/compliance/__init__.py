"""What a year of a data centre must tell: meters in, figures of regulation and standards out, each with its trace."""
