"""PromQL over the fleet, over one cluster, and over the samples that the hub keeps."""
