"""Tests of the annotation of one VCF."""
