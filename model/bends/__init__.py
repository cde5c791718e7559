"""Operations on the feature maps of one layer, one bend per file."""
