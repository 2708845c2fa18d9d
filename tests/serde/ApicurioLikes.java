import io.apicurio.registry.serde.avro.AvroKafkaSerializer;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.common.header.internals.RecordHeaders;

/**
 * Prints how Avro for Java writes every schema of a folder, and one ContentLiked for each list of
 * settings ("name=value name=value"), as Apicurio's serde writes it.
 *
 * <p>Arguments: the registry in its own API, the folder, the lists of settings.
 */
public class ApicurioLikes {
  public static void main(String[] args) throws Exception {
    Path folder = Path.of(args[1]);
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*.avsc")) {
      for (Path file : files) {
        System.out.println("schema " + new Schema.Parser().parse(file.toFile()));
      }
    }
    Schema schema = new Schema.Parser().parse(folder.resolve("ContentLiked.avsc").toFile());
    Schema kinds = schema.getField("content_kind").schema();
    for (int at = 2; at < args.length; at++) {
      Map<String, Object> settings = new HashMap<>();
      settings.put("apicurio.registry.url", args[0]);
      for (String pair : args[at].split(" ")) {
        settings.put(pair.split("=", 2)[0], pair.split("=", 2)[1]);
      }
      GenericRecord like = new GenericData.Record(schema);
      like.put("event_id", (long) at - 1);
      like.put("occurred_at", 2L);
      like.put("user_id", 3L);
      like.put("content_kind", new GenericData.EnumSymbol(kinds, "STORY"));
      like.put("content_id", 4L);
      like.put("owner_id", 5L);
      RecordHeaders headers = new RecordHeaders();
      try (AvroKafkaSerializer<GenericRecord> serializer = new AvroKafkaSerializer<>()) {
        serializer.configure(settings, false);
        byte[] value = serializer.serialize("social.likes.v1", headers, like);
        StringBuilder line = new StringBuilder("value " + hex(value));
        headers.forEach(header -> line.append(" " + header.key() + "=" + hex(header.value())));
        System.out.println(line);
      }
    }
  }

  private static String hex(byte[] bytes) {
    return HexFormat.of().formatHex(bytes);
  }
}
