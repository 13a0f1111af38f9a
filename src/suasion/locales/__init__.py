"""Words of each language, as data: one YAML file a locale, read by suasion.negotiation.locale."""
