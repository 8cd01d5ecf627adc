"""The annotation of one VCF: the daemon, the pipeline, the references."""
