"""Tables in shards: many Parquet files of one schema, of which only some columns are held."""
