"""The tests of `vcf`."""
