//! Rows as Apache Parquet: a column of each feature, compressed.

use anyhow::{Context as _, Result};
use features::columns::{Value, blank};
use features::{Definition, Flow};
use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use std::io::Write;
use std::sync::Arc;

/// Rows that are written at once: some 50 MB of them.
const GROUP: usize = 65_536;

/// A table on its way into `W`.
pub struct Table<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    columns: Vec<Column>,
    rows: usize,
}

/// What waits of a column.
enum Column {
    Text(Vec<ByteArray>),
    Whole(Vec<i64>),
    Real(Vec<f64>),
}

impl Column {
    fn of(value: &Value) -> Self {
        match value {
            Value::Text(_) | Value::Address(_) => Column::Text(Vec::new()),
            Value::Whole(_) => Column::Whole(Vec::new()),
            Value::Real(_) => Column::Real(Vec::new()),
        }
    }

    /// Its name and type, as the file tells them.
    fn schema(&self, name: &str) -> Result<Arc<Type>> {
        let (physical, logical) = match self {
            Column::Text(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Column::Whole(_) => (Physical::INT64, None),
            Column::Real(_) => (Physical::DOUBLE, None),
        };
        let column = Type::primitive_type_builder(name, physical)
            .with_repetition(Repetition::REQUIRED)
            .with_logical_type(logical)
            .build()?;
        Ok(Arc::new(column))
    }

    fn push(&mut self, value: Value) {
        match (self, value) {
            (Column::Text(all), Value::Text(text)) => all.push(text.into_bytes().into()),
            (Column::Text(all), Value::Address(address)) => {
                all.push(address.to_string().into_bytes().into());
            }
            (Column::Whole(all), Value::Whole(number)) => all.push(number),
            (Column::Real(all), Value::Real(number)) => all.push(number),
            // A column has one kind of values, whatever the flow.
            (Column::Text(all), Value::Whole(_) | Value::Real(_)) => all.push(ByteArray::default()),
            (Column::Whole(all), _) => all.push(0),
            (Column::Real(all), _) => all.push(f64::NAN),
        }
    }
}

impl<W: Write + Send> Table<W> {
    /// A table of flows that are measured so.
    pub fn new(definition: Definition, has_more: bool, out: W) -> Result<Self> {
        let mut columns = Vec::new();
        let mut fields = Vec::new();
        for (name, value) in blank(definition, has_more) {
            let column = Column::of(&value);
            fields.push(column.schema(name)?);
            columns.push(column);
        }
        let schema = Type::group_type_builder("flows")
            .with_fields(fields)
            .build()?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(Default::default()))
            .set_created_by(concat!("ratel ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let writer = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties))
            .context("the table cannot be begun")?;
        Ok(Table {
            writer,
            columns,
            rows: 0,
        })
    }

    /// One row more.
    pub fn add(&mut self, flow: &Flow) -> Result<()> {
        let mut columns = self.columns.iter_mut();
        flow.columns(&mut |_: &'static str, value: Value| {
            if let Some(column) = columns.next() {
                column.push(value);
            }
        });
        self.rows += 1;
        if self.rows >= GROUP {
            self.write()?;
        }
        Ok(())
    }

    fn write(&mut self) -> Result<()> {
        let mut group = self.writer.next_row_group()?;
        for column in &mut self.columns {
            let Some(mut writer) = group.next_column()? else {
                break;
            };
            match column {
                Column::Text(all) => {
                    writer
                        .typed::<ByteArrayType>()
                        .write_batch(all, None, None)?;
                    all.clear();
                }
                Column::Whole(all) => {
                    writer.typed::<Int64Type>().write_batch(all, None, None)?;
                    all.clear();
                }
                Column::Real(all) => {
                    writer.typed::<DoubleType>().write_batch(all, None, None)?;
                    all.clear();
                }
            }
            writer.close()?;
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }

    /// Writes what waits, and what stands at the end of such files.
    pub fn close(mut self) -> Result<W> {
        if self.rows > 0 {
            self.write()?;
        }
        Ok(self.writer.into_inner()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use decode::build::Conversation;
    use decode::packet::{Config, Decoder};
    use features::{Meter, Seen, Settings};
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    use parquet::record::RowAccessor as _;

    #[test]
    fn a_table_has_the_columns_of_the_rows_and_gives_them_back() {
        let mut talk = Conversation::between("192.0.2.1:40000", "198.51.100.2:80");
        talk.handshake().client(b"hello").server(b"there").finish();
        let settings = Settings {
            has_more: true,
            ..Settings::default()
        };
        let mut table = Table::new(settings.definition, true, Vec::new()).unwrap();
        let (mut meter, mut decoder) = (Meter::new(settings), Decoder::new(Config::default()));
        for frame in talk.frames() {
            decoder.decode(&frame.frame(1), |packet| {
                if let Some(seen) = Seen::of(packet, settings.definition) {
                    meter.add(&seen, |_, _| {});
                }
            });
        }
        meter.finish(|flow, _| table.add(flow).unwrap());
        let bytes = table.close().unwrap();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        let reader = SerializedFileReader::new(file).unwrap();
        let rows: Vec<_> = reader
            .get_row_iter(None)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(rows.len(), 1);
        let names = features::columns::names(settings.definition, true);
        let told: Vec<&String> = rows[0].get_column_iter().map(|(name, _)| name).collect();
        assert_eq!(told, names);
        let at = |name| names.iter().position(|known| *known == name).unwrap();
        assert_eq!(rows[0].get_string(at("Dst IP")).unwrap(), "198.51.100.2");
        assert_eq!(rows[0].get_long(at("Packet 2 Bytes")).unwrap(), -5);
    }
}
