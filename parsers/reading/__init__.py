"""Rule files to rules: YAML with places, typed readers that collect every mistake."""
